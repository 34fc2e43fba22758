//! What must not stand in a file, or not without its reason.

use super::Finding;
use super::tree::{File, Tree, has_word, numbered};

/// Whoever writes `unsafe` says why it is safe.
pub(super) fn unsafe_is_justified(tree: &Tree) -> Vec<Finding> {
    const REACH: usize = 6;
    let mut findings = Vec::new();
    for file in tree.rust() {
        let mut reason = None;
        for (line, text) in numbered(&file.text) {
            if text.contains("// SAFETY:") {
                reason = Some(line);
            }
            let code = text.split("//").next().unwrap_or_default();
            let code: String = code.split('"').step_by(2).collect();
            let near = reason.is_some_and(|reason| line - reason < REACH);
            if has_word(&code, "unsafe") && !near {
                findings.push(Finding {
                    path: file.path.clone(),
                    line,
                    what: "`unsafe` without a SAFETY comment".to_owned(),
                    why: "unsafe code is forbidden but in small modules that prove that they may",
                    mend: "do without it, or say in a `// SAFETY:` comment just above why it is sound",
                });
            }
        }
    }
    findings
}

/// An allowance outlives its cause; an expectation says so when it does.
pub(super) fn allow_gives_a_reason(tree: &Tree) -> Vec<Finding> {
    lines_with(
        tree.rust(),
        |line| {
            let attribute = ["#[", "#!["]
                .iter()
                .find_map(|start| line.trim_start().strip_prefix(start));
            // What generated code needs changes with its generator.
            let generated = line.contains("reason = \"generated");
            attribute.is_some_and(|attribute| attribute.starts_with("allow(") && !generated)
        },
        "an `allow` attribute",
        "an allowance stays when its cause has gone, and says nothing of it",
        "write `#[expect(…, reason = \"…\")]`; in generated code `#[allow(…, reason = \"generated …\")]`",
    )
}

/// Work that is left is left to somebody.
pub(super) fn todo_has_an_owner(tree: &Tree) -> Vec<Finding> {
    let markers = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("HA", "CK"),
    ];
    lines_with(
        tree.files.iter().filter(|file| is_prose_or_code(file)),
        |line| {
            markers
                .iter()
                .any(|marker| has_word(line, marker) && !line.contains(&format!("{marker}(")))
        },
        "work left to nobody",
        "a note without an owner is never done",
        "do it, open an issue and drop the note, or name its owner in brackets after the word",
    )
}

/// The repository tells of the product, not of where or how it was written.
pub(super) fn no_traces_of_a_machine(tree: &Tree) -> Vec<Finding> {
    let words = [
        concat!("/wo", "rk/"),
        concat!("/tmp/", "team"),
        concat!("work", "place"),
        concat!("this ses", "sion's"),
        concat!("the CE", "O"),
        concat!("registry.npm", "js"),
        concat!("index.crates", ".io"),
        concat!("static.crates", ".io"),
        concat!("py", "pi.org"),
        concat!("files.python", "hosted"),
        concat!("deb.deb", "ian.org"),
        concat!("proxy.gol", "ang.org"),
    ];
    lines_with(
        tree.files.iter(),
        |line| words.iter().any(|word| line.contains(word)),
        "a path or host of the machine it was written on",
        "the repository tells of the product; paths and hosts of one machine mean nothing elsewhere",
        "say it without; a package is named by its name, a path from the top of the repository",
    )
}

fn is_prose_or_code(file: &File) -> bool {
    [".rs", ".witx", ".js", ".md", ".toml", ".lua", "/run"]
        .iter()
        .any(|extension| file.path.ends_with(extension))
}

fn lines_with<'a>(
    files: impl Iterator<Item = &'a File>,
    is_breach: impl Fn(&str) -> bool,
    what: &str,
    why: &'static str,
    mend: &'static str,
) -> Vec<Finding> {
    let breaches = files.flat_map(|file| {
        numbered(&file.text)
            .filter(|(_, line)| is_breach(line))
            .map(|(line, text)| Finding {
                path: file.path.clone(),
                line,
                what: format!("{what}: `{}`", text.trim()),
                why,
                mend,
            })
            .collect::<Vec<_>>()
    });
    breaches.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_needs_its_reason_near() {
        let bare = "fn a() {\n    unsafe { b() }\n}\n";
        let told = "fn a() {\n    // SAFETY: b is fine.\n    unsafe { b() }\n}\n";
        let word = "#![forbid(unsafe_code)]\n// unsafe\nlet a = \"unsafe\";\n";
        let tree = Tree::of(&[("bare.rs", bare), ("told.rs", told), ("word.rs", word)]);
        let findings = unsafe_is_justified(&tree);
        assert_eq!(findings.len(), 1);
        assert_eq!(
            (findings[0].path.as_str(), findings[0].line),
            ("bare.rs", 2)
        );
    }

    #[test]
    fn only_generated_code_may_allow() {
        let text = "#[allow(dead_code)]\n#[allow(dead_code, reason = \"generated by wiggle\")]\n";
        assert_eq!(allow_gives_a_reason(&Tree::of(&[("a.rs", text)])).len(), 1);
    }

    #[test]
    fn a_note_names_its_owner() {
        let text = concat!("// TO", "DO: later\n// TO", "DO(ann): later\n");
        assert_eq!(todo_has_an_owner(&Tree::of(&[("a.rs", text)])).len(), 1);
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        let text = concat!("read /wo", "rk/main\n");
        assert_eq!(
            no_traces_of_a_machine(&Tree::of(&[("a.md", text)])).len(),
            1
        );
    }
}
