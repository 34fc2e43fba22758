//! `fastly_uap`: parsing a user agent.

mod witx;

use crate::session::Session;
use crate::user_agent::UserAgent;

/// Family and version of the browser; empty where nothing is known.
pub(crate) fn parse(session: &Session, user_agent: &str) -> UserAgent {
    session.world.user_agents.parse(user_agent)
}
