//! Says what device the user agent in `User-Agent` stands for, a line a fact; `unknown` for none.

use fastly::{Error, Request, Response, device_detection};
use std::fmt::Debug;

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    let user_agent = request.get_header_str("user-agent").unwrap_or_default();
    let Some(device) = device_detection::lookup(user_agent) else {
        return Ok(Response::from_body("unknown"));
    };
    let lines = [
        line("device_name", device.device_name()),
        line("brand", device.brand()),
        line("model", device.model()),
        line("hwtype", device.hwtype()),
        line("is_ereader", device.is_ereader()),
        line("is_gameconsole", device.is_gameconsole()),
        line("is_mediaplayer", device.is_mediaplayer()),
        line("is_mobile", device.is_mobile()),
        line("is_smarttv", device.is_smarttv()),
        line("is_tablet", device.is_tablet()),
        line("is_tvplayer", device.is_tvplayer()),
        line("is_desktop", device.is_desktop()),
        line("is_touchscreen", device.is_touchscreen()),
        line("user_agent_name", device.user_agent_name()),
        line(
            "user_agent_major_version",
            device.user_agent_major_version(),
        ),
        line("is_bot", device.is_bot()),
        line("bot_name", device.user_agent_bot_name()),
        line("is_identified", device.is_identified()),
        line("os_name", device.os_name()),
        line("os_major_version", device.os_major_version()),
    ];
    Ok(Response::from_body(lines.concat()))
}

fn line(name: &str, value: impl Debug) -> String {
    format!("{name}: {value:?}\n")
}
