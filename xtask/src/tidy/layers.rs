//! Which part of the code may know what.

use super::Finding;
use super::tree::{File, Tree, has_word};

const RUNTIME: &str = "crates/fastlike-runtime/src/";

/// Folders and files of the runtime that know how the platform behaves, and not how a guest calls.
const DOMAIN: &[&str] = &[
    "http/",
    "backend/",
    "cache/",
    "kv/",
    "geo/",
    "manifest/",
    "geo.rs",
    "log/",
    "rate/",
    "device.rs",
    "purge.rs",
    "shield.rs",
    "ua.rs",
];

/// The ABI crate is memory and statuses, nothing of what a call means.
pub(super) fn abi_knows_no_http(tree: &Tree) -> Vec<Finding> {
    const WHY: &str = "the ABI crate serves every runtime: it depends on no other crate of ours and knows no HTTP";
    const MEND: &str = "move the code that knows to the hostcall's module in fastlike-runtime";
    let manifest = tree
        .files
        .iter()
        .filter(|file| file.path == "crates/fastlike-abi/Cargo.toml");
    let dependencies = manifest.flat_map(|file| {
        super::tree::numbered(&file.text)
            .filter(|(_, line)| {
                ["fastlike-", "http", "hyper", "tokio"]
                    .iter()
                    .any(|crate_name| line.starts_with(crate_name))
            })
            .map(|(line, text)| finding(file, line, format!("depends on `{text}`"), WHY, MEND))
    });
    let words = tree.rust_in("crates/fastlike-abi/src/").flat_map(|file| {
        names(
            file,
            &["http::", "hyper::", "tokio::", "fastlike_runtime::"],
        )
        .map(|(line, word)| finding(file, line, format!("names `{word}`"), WHY, MEND))
    });
    dependencies.chain(words).collect()
}

/// What is read from guest memory is checked where it is read, and nowhere else.
pub(super) fn guest_memory_only_in_doors(tree: &Tree) -> Vec<Finding> {
    let inside = tree.rust_in(RUNTIME).filter(|file| {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        !name.starts_with("witx")
    });
    let memory = ["GuestMemory", "GuestPtr"];
    let words = inside.flat_map(|file| {
        names(file, &memory).map(|(line, word)| {
            finding(
                file,
                line,
                format!("names `{word}` outside a door"),
                "guest memory is touched only in `witx.rs` files and in fastlike-abi, where every pointer is checked",
                "decode in the module's `witx.rs` and pass plain values on",
            )
        })
    });
    words.collect()
}

/// Domain modules can be tested, and used by another door, without a guest.
pub(super) fn domain_names_no_handles(tree: &Tree) -> Vec<Finding> {
    let domain = tree.rust_in(RUNTIME).filter(|file| {
        let inside = file.path.strip_prefix(RUNTIME).unwrap_or_default();
        DOMAIN.iter().any(|part| inside.starts_with(part))
    });
    let banned = [
        "wasmtime::",
        "wiggle::",
        "fastlike_abi::",
        "crate::hostcalls",
        "crate::session",
    ];
    let words = domain.flat_map(|file| {
        names(file, &banned).map(|(line, word)| {
            finding(
                file,
                line,
                format!("a domain module names `{word}`"),
                "domain modules never name a handle, wasmtime or wiggle: they can be tested without a guest",
                "take and return the domain's own types; the hostcall's module turns handles into them",
            )
        })
    });
    words.collect()
}

/// A reset that forgets a field is a leak between requests.
pub(super) fn runs_are_dropped_not_reset(tree: &Tree) -> Vec<Finding> {
    let per_run = ["session/", "hostcalls/", "sandbox.rs", "run.rs"];
    let inside = tree.rust_in(RUNTIME).filter(|file| {
        let inside = file.path.strip_prefix(RUNTIME).unwrap_or_default();
        per_run.iter().any(|part| inside.starts_with(part))
    });
    let functions = inside.flat_map(|file| {
        file.code()
            .filter(|(_, code)| code.contains("fn reset") || code.contains("fn clear"))
            .map(|(line, code)| {
                finding(
                    file,
                    line,
                    format!("`{}`", code.trim()),
                    "there is no reset of per-run state: a run ends by dropping its store, so nothing of one request can reach the next",
                    "build a new value and drop the old one",
                )
            })
    });
    functions.collect()
}

/// A library that reads the environment surprises whoever embeds it.
pub(super) fn environment_only_in_the_cli(tree: &Tree) -> Vec<Finding> {
    let libraries = [
        RUNTIME,
        "crates/fastlike-abi/src/",
        "crates/fastlike-geo/src/",
        "crates/fastlike-admin/src/",
    ];
    let files = libraries.iter().flat_map(|folder| tree.rust_in(folder));
    let reads = files.flat_map(|file| {
        file.code()
            .filter(|(_, code)| {
                ["env::var", "env::vars", "env::args", "env::current_dir"]
                    .iter()
                    .any(|call| code.contains(call))
            })
            .map(|(line, code)| {
                finding(
                    file,
                    line,
                    format!("reads the environment: `{}`", code.trim()),
                    "nobody below the command line reads the environment: it comes in as values, so that an embedder decides",
                    "take the value as an argument of the builder",
                )
            })
    });
    reads.collect()
}

/// Where the code of a file names one of these: `wasmtime::` is a crate at the start of a path,
/// anything else a word or a path of words.
fn names<'a>(file: &'a File, banned: &'a [&'a str]) -> impl Iterator<Item = (usize, &'a str)> + 'a {
    file.code().flat_map(move |(line, code)| {
        // What stands in a string names nothing.
        let code: String = code.split('"').step_by(2).collect();
        banned
            .iter()
            .filter(move |name| match name.strip_suffix("::") {
                Some(_) => starts_path(&code, name),
                None => has_word(&code, name),
            })
            .map(move |name| (line, name.trim_end_matches(':')))
    })
}

/// Whether a path in the code starts with this crate.
fn starts_path(code: &str, crate_path: &str) -> bool {
    code.match_indices(crate_path).any(|(at, _)| {
        let before = code.get(..at).and_then(|code| code.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

fn finding(
    file: &File,
    line: usize,
    what: String,
    why: &'static str,
    mend: &'static str,
) -> Finding {
    let path = file.path.clone();
    Finding {
        path,
        line,
        what,
        why,
        mend,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(findings: &[Finding]) -> Vec<(usize, &str)> {
        findings
            .iter()
            .map(|finding| (finding.line, finding.what.as_str()))
            .collect()
    }

    #[test]
    fn a_domain_module_must_not_name_the_engine() {
        let tree = Tree::of(&[
            (
                "crates/fastlike-runtime/src/backend/origin.rs",
                "use wasmtime::Store;\n// wasmtime::Store is fine here\nuse crate::http::Body;\n",
            ),
            (
                "crates/fastlike-runtime/src/run.rs",
                "use wasmtime::Store;\n",
            ),
        ]);
        let findings = domain_names_no_handles(&tree);
        assert_eq!(lines(&findings), [(1, "a domain module names `wasmtime`")]);
    }

    #[test]
    fn a_module_of_a_banned_name_in_another_crate_is_fine() {
        let tree = Tree::of(&[(
            "crates/fastlike-runtime/src/http/body.rs",
            "use hyper::session::Thing;\nlet text = \"wiggle::Type\";\n",
        )]);
        assert_eq!(domain_names_no_handles(&tree), []);
    }

    #[test]
    fn only_doors_touch_guest_memory() {
        let code = "fn a(memory: &mut GuestMemory<'_>) {}\n";
        let tree = Tree::of(&[
            ("crates/fastlike-runtime/src/hostcalls/log/witx.rs", code),
            ("crates/fastlike-runtime/src/hostcalls/log/mod.rs", code),
        ]);
        let findings = guest_memory_only_in_doors(&tree);
        assert_eq!(findings.len(), 1);
        assert!(
            findings
                .iter()
                .all(|finding| finding.path.ends_with("mod.rs"))
        );
    }

    #[test]
    fn the_abi_crate_must_not_depend_on_ours() {
        let tree = Tree::of(&[(
            "crates/fastlike-abi/Cargo.toml",
            "name = \"fastlike-abi\"\n[dependencies]\nfastlike-runtime = { workspace = true }\n",
        )]);
        assert_eq!(abi_knows_no_http(&tree).len(), 1);
    }

    #[test]
    fn a_reset_of_a_run_is_found() {
        let tree = Tree::of(&[(
            "crates/fastlike-runtime/src/session/mod.rs",
            "impl Session {\n    pub fn reset(&mut self) {}\n}\n",
        )]);
        assert_eq!(runs_are_dropped_not_reset(&tree).len(), 1);
    }
}
