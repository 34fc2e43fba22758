//! `fastly_uap`: parsing a user agent.

mod witx;

use crate::session::Session;
use crate::user_agent::UserAgent;

/// Family and version of the browser; empty where nothing is known.
pub(crate) fn parse(session: &Session, user_agent: &str) -> UserAgent {
    let agents = &session.world.user_agents;
    session
        .meter
        .uncounted_at_first(&agents.first, || agents.parser.parse(user_agent))
}
