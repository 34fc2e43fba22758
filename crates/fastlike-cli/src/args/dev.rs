//! `fastlike dev`.

use clap::Args;
use clap::builder::Resettable;

use super::ServeArgs;

/// What `--help` says at its end.
pub(super) const AFTER_HELP: &str = "\
The program is built by `build` of [scripts] in fastly.toml; without that by \
`cargo build` for wasm32-wasip1, `npm run build` or `go build`, as the files \
of the project tell. What .fastlyignore and .gitignore name is not watched.";

/// Those of `serve`, with a folder instead of a program.
#[derive(Debug, Clone, Args)]
#[command(
    mut_arg("guest", |arg| arg
        .value_name("FOLDER")
        .required_unless_present(Resettable::Reset)
        .help("The project's folder [default: the nearest with a fastly.toml]")),
    mut_arg("config", |arg| arg
        .conflicts_with("guest")
        .help("Take this manifest instead of the folder's fastly.toml")),
    mut_arg("wasm", |arg| arg.hide(true)),
    mut_arg("watch", |arg| arg.hide(true))
)]
pub(crate) struct DevArgs {
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}
