//! Durations and sizes as people write them: `500ms`, `128MiB`.

use std::fmt::{self, Display};
use std::time::Duration;

/// Reads `50us`, `500ms`, `10s`, `2m` or `1h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let micros = match unit {
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        _ => return Err("write a number and a unit: 500ms, 10s, 2m or 1h".to_owned()),
    };
    Ok(Duration::from_micros(product(number, micros)?))
}

/// Reads `131072`, `64KiB`, `128MiB` or `1GiB`; `KB`, `MB` and `GB` are
/// thousands.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let bytes = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return Err("write a number and a unit: 64MiB, 128MB or 1GiB".to_owned()),
    };
    product(number, bytes)
}

fn split(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim())
}

fn product(number: &str, unit: u64) -> Result<u64, String> {
    let number: u64 = number
        .parse()
        .map_err(|_| "it must begin with a whole number".to_owned())?;
    match number.checked_mul(unit) {
        Some(0) => Err("it must be more than zero".to_owned()),
        Some(product) => Ok(product),
        None => Err("it is too large".to_owned()),
    }
}

/// A duration for people: `0.84 ms`, `12 ms`, `1.5 s`.
///
/// Two are printed for each request, and a division takes a tenth of the time
/// of a floating point number's digits.
pub(crate) fn show_duration(duration: Duration) -> impl Display {
    let nanos = duration.as_nanos();
    fmt::from_fn(move |f| match nanos {
        0..10_000_000 => {
            let hundredths = rounded(nanos, 10_000);
            write!(f, "{}.{:02} ms", hundredths / 100, hundredths % 100)
        }
        10_000_000..1_000_000_000 => write!(f, "{} ms", rounded(nanos, 1_000_000)),
        _ => {
            let tenths = rounded(nanos, 100_000_000);
            write!(f, "{}.{} s", tenths / 10, tenths % 10)
        }
    })
}

/// A size for people: `512 B`, `64.0 KiB`, `1.1 MiB`.
pub(crate) fn show_size(bytes: u64) -> impl Display {
    fmt::from_fn(move |f| {
        let tenths_of = |unit| rounded(u128::from(bytes) * 10, unit);
        let (tenths, unit) = match bytes {
            0..0x400 => return write!(f, "{bytes} B"),
            0x400..0x10_0000 => (tenths_of(0x400), "KiB"),
            _ => (tenths_of(0x10_0000), "MiB"),
        };
        write!(f, "{}.{} {unit}", tenths / 10, tenths % 10)
    })
}

/// How many units an amount is, to the nearest.
fn rounded(amount: u128, unit: u128) -> u128 {
    (amount + unit / 2) / unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_with_their_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("10 s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(size("131072"), Ok(131_072));
        assert_eq!(size("128MiB"), Ok(128 << 20));
        assert_eq!(size("1GiB"), Ok(1 << 30));
        assert_eq!(size("5MB"), Ok(5_000_000));
    }

    #[test]
    fn what_is_not_an_amount_is_refused() {
        for text in [
            "",
            "10",
            "s",
            "0s",
            "-1s",
            "1.5s",
            "1 day",
            "18446744073709551615h",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
        for text in [
            "",
            "MiB",
            "0",
            "-1",
            "1TiB",
            "1mib",
            "18446744073709551615GiB",
        ] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn amounts_are_shown_short() {
        for (micros, shown) in [
            (0, "0.00 ms"),
            (840, "0.84 ms"),
            (9_994, "9.99 ms"),
            (12_499, "12 ms"),
            (999_400, "999 ms"),
            (1_540_000, "1.5 s"),
            (120_000_000, "120.0 s"),
        ] {
            let duration = Duration::from_micros(micros);
            assert_eq!(show_duration(duration).to_string(), shown);
        }
        for (bytes, shown) in [
            (512, "512 B"),
            (65_536, "64.0 KiB"),
            (1_179_648, "1.1 MiB"),
            (u64::MAX, "17592186044416.0 MiB"),
        ] {
            assert_eq!(show_size(bytes).to_string(), shown);
        }
    }
}
