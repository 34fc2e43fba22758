//! What `--admin` means.

use std::net::SocketAddr;

use fastlike_admin::Token;

use super::{Environment, addresses};
use crate::args::AdminArgs;
use crate::failure::Failure;

/// An admin listener that is wanted.
#[derive(Debug)]
pub(crate) struct AdminPlan {
    /// As it was typed.
    pub(crate) bind: String,
    pub(crate) listen: Vec<SocketAddr>,
    /// None if one is to be made.
    pub(crate) token: Option<Token>,
    pub(crate) remote: bool,
}

impl AdminPlan {
    pub(crate) fn new(args: AdminArgs, environment: &Environment) -> Result<Option<Self>, Failure> {
        let Some(bind) = args.admin else {
            return Ok(None);
        };
        let listen = addresses(&bind)?;
        let public = listen.iter().find(|address| !address.ip().is_loopback());
        if let Some(public) = public.filter(|_| !args.admin_remote) {
            let message = format!(
                "--admin {bind}: other machines can reach {}, and what is sent there is not \
                 encrypted",
                public.ip()
            );
            let help = "listen on 127.0.0.1 or [::1]; or allow it with --admin-remote";
            return Err(Failure::new(message).help(help));
        }
        let (token, from) = match args.admin_token {
            Some(token) => (Some(token), "--admin-token"),
            None => {
                let token = environment.get("FASTLIKE_ADMIN_TOKEN");
                (token.map(str::to_owned), "FASTLIKE_ADMIN_TOKEN")
            }
        };
        // The message says nothing of the token itself.
        let wrong = |error| Failure::new(format!("{from}: {error}"));
        Ok(Some(Self {
            bind,
            listen,
            token: token.map(Token::new).transpose().map_err(wrong)?,
            remote: args.admin_remote,
        }))
    }
}
