//! `[local_server.pushpin]`: the Pushpin that Fanout requests are handed to.

use super::problem::Log;
use super::raw::Section;

/// The port that the official CLI has Pushpin listen on.
const PROXY_PORT: u16 = 7677;

/// The port of the Pushpin that is switched on, if one is. The official CLI
/// also starts it, and so has keys for its path and its publishing port.
pub(super) fn read(local: &mut Section<'_>, log: &mut Log) -> Option<u16> {
    let mut section = local.section("pushpin", log)?;
    let enabled = section.boolean("enable", log).unwrap_or(false);
    section.string("pushpin_path", log);
    let proxy_port = port(&mut section, "proxy_port", log);
    port(&mut section, "publish_port", log);
    section.finish(log);
    enabled.then_some(proxy_port.unwrap_or(PROXY_PORT))
}

fn port(section: &mut Section<'_>, key: &'static str, log: &mut Log) -> Option<u16> {
    let item = section.take(key)?;
    let number = item.integer(log)?;
    match u16::try_from(number) {
        Ok(port) if port != 0 => Some(port),
        _ => {
            let help = "a port is a number from 1 to 65535";
            log.error(item.problem(format!("{number} is not a port")).help(help));
            None
        }
    }
}
