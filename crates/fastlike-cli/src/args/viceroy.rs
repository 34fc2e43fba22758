//! Flags that the official tools pass to their own runtime, and that have no
//! effect here.

use clap::{ArgAction, Args};

/// They are taken, and each is said to have no effect, and why.
#[derive(Debug, Clone, Args)]
pub(crate) struct ViceroyArgs {
    #[arg(long, hide = true)]
    debug: bool,

    #[arg(short = 'g', long, hide = true)]
    debug_info: bool,

    #[arg(long, hide = true)]
    adapt: bool,

    #[arg(
        long = "experimental_modules",
        alias = "experimental-modules",
        hide = true,
        value_name = "MODULE",
        value_parser = ["wasi-nn"],
        action = ArgAction::Append
    )]
    experimental_modules: Vec<String>,

    #[arg(long, hide = true)]
    wasm_exceptions: bool,

    #[arg(long, hide = true)]
    wasm_gc: bool,

    #[arg(long, hide = true)]
    wasm_cm_gc: bool,
}

impl ViceroyArgs {
    /// One line for each that is given.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let given = [
            (
                self.debug,
                "--debug",
                "there is no debug adapter; a trap's backtrace names functions and lines without it",
            ),
            (
                self.debug_info,
                "--debug-info",
                "native debuggers are not served; a trap's backtrace names functions and lines without it",
            ),
            (
                self.adapt,
                "--adapt",
                "modules run as they are, and need not become components",
            ),
            (
                !self.experimental_modules.is_empty(),
                "--experimental_modules",
                "no such module is provided",
            ),
            (
                self.wasm_exceptions,
                "--wasm-exceptions",
                "programs with WebAssembly's exceptions are refused, as on the platform",
            ),
            (
                self.wasm_gc,
                "--wasm-gc",
                "programs with WebAssembly's garbage collection are refused, as on the platform",
            ),
            (
                self.wasm_cm_gc,
                "--wasm-cm-gc",
                "components are not run yet",
            ),
        ];
        given
            .into_iter()
            .filter(|(given, ..)| *given)
            .map(|(_, flag, why)| format!("{flag} has no effect: {why}"))
            .collect()
    }
}
