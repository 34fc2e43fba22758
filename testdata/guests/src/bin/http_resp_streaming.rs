//! Streams a response, chunk by chunk. `?chunks=N` (3) of `?size=N` bytes each (1,024), with
//! `?pause=MS` (0) after each; `?end=abandon` leaves it unfinished.

use fastly::{Error, Request, Response};
use std::collections::HashMap;
use std::io::Write;
use std::time::Duration;

fn main() -> Result<(), Error> {
    let query: HashMap<String, String> = Request::from_client().get_query()?;
    let number =
        |name: &str, default: usize| query.get(name).map_or(Ok(default), |text| text.parse());
    let (chunks, size, pause) = (
        number("chunks", 3)?,
        number("size", 1024)?,
        number("pause", 0)?,
    );

    let mut client = Response::from_status(206)
        .with_header("x-streamed", "yes")
        .stream_to_client();
    for chunk in 0..chunks {
        let letter = b'a' + (chunk % 26) as u8;
        client.write_all(&vec![letter; size])?;
        client.flush()?;
        std::thread::sleep(Duration::from_millis(pause as u64));
    }
    match query.get("end").map(String::as_str) {
        Some("abandon") => client.abandon()?,
        _ => client.finish()?,
    }
    Ok(())
}
