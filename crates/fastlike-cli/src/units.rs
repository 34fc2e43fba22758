//! Durations and sizes as people write them: `500ms`, `128MiB`.

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
pub(crate) fn show_duration(duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1_000.0;
    match millis {
        _ if millis < 10.0 => format!("{millis:.2} ms"),
        _ if millis < 1_000.0 => format!("{millis:.0} ms"),
        _ => format!("{:.1} s", millis / 1_000.0),
    }
}

/// A size for people: `512 B`, `64.0 KiB`, `1.1 MiB`.
pub(crate) fn show_size(bytes: u64) -> String {
    #[expect(
        clippy::cast_precision_loss,
        reason = "shown with one digit behind the point"
    )]
    let amount = bytes as f64;
    match bytes {
        0..0x400 => format!("{bytes} B"),
        0x400..0x10_0000 => format!("{:.1} KiB", amount / 1_024.0),
        _ => format!("{:.1} MiB", amount / (1_024.0 * 1_024.0)),
    }
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
        assert_eq!(show_duration(Duration::from_micros(840)), "0.84 ms");
        assert_eq!(show_duration(Duration::from_millis(12)), "12 ms");
        assert_eq!(show_duration(Duration::from_millis(1_540)), "1.5 s");
        assert_eq!(show_size(512), "512 B");
        assert_eq!(show_size(65_536), "64.0 KiB");
        assert_eq!(show_size(1_179_648), "1.1 MiB");
    }
}
