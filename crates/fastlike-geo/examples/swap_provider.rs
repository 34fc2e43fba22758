//! Swapping the geolocation provider is one line: the one with `.geo(…)`.
//!
//! ```console
//! cargo run --example swap_provider -- app.wasm [GeoLite2-City.mmdb ...]
//! ```
//!
//! Without a database, every client is in Oslo.

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::error::Error;
use std::net::IpAddr;

use fastlike_geo::MmdbGeo;
use fastlike_runtime::{Fastlike, GeoRecord};
use tokio::net::TcpListener;

/// A provider of one's own is a function, or a type that implements
/// `GeoProvider`.
fn everyone_is_in_oslo(_: IpAddr) -> Option<GeoRecord> {
    Some(GeoRecord {
        city: "Oslo".into(),
        continent: "EU".into(),
        country_code: "NO".into(),
        country_code3: "NOR".into(),
        country_name: "Norway".into(),
        utc_offset: Some(100),
        ..GeoRecord::default()
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let guest = args.next().ok_or("which guest? give the path of a .wasm")?;
    let databases: Vec<_> = args.collect();

    let builder = Fastlike::builder(guest.as_str());
    let builder = if databases.is_empty() {
        builder.geo(everyone_is_in_oslo)
    } else {
        builder.geo(MmdbGeo::open(databases)?)
    };
    let fastlike = builder.build().await?;

    let listener = TcpListener::bind("127.0.0.1:7676").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let shutdown = async {
        // Without a signal to wait for, stopping at once is the safe answer.
        tokio::signal::ctrl_c().await.ok();
    };
    fastlike.serve(listener, shutdown).await?;
    Ok(())
}
