use serde_json::json;

use super::*;

fn said(failure: &Failure) -> String {
    failure.render(false)
}

#[test]
fn a_project_is_found_from_the_folders_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let deep = folder.path().join("src/deep");
    fs::create_dir_all(&deep).expect("made");
    let manifest = folder.path().join("fastly.toml");
    let other = deep.join("fastly.stage.toml");
    for path in [&manifest, &other] {
        fs::write(path, "").expect("written");
    }
    let find = |place: Option<&str>, here: &Path| {
        Project::find(place.map(Path::new), here).map_err(|failure| said(&failure))
    };
    assert_eq!(find(None, folder.path()), Ok(manifest.clone()));
    assert_eq!(find(None, &deep), Ok(manifest.clone()));
    assert_eq!(find(Some("../.."), &deep).map(|_| ()), Ok(()));
    assert_eq!(find(Some("fastly.stage.toml"), &deep), Ok(other));
    let wrong = find(Some("src"), folder.path()).expect_err("none there");
    assert!(wrong.contains("there is no fastly.toml in"), "{wrong}");
}

#[test]
fn what_is_built_follows_from_the_manifest_or_else_from_the_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).expect("written");
    };
    let open = || Project::open(&folder.path().join("fastly.toml"), &Environment::default());
    let language = || open().map(|project| project.language).map_err(|f| said(&f));
    write("fastly.toml", "name = \"x\"\n");
    assert_eq!(language(), Ok(Language::Other));
    write("go.mod", "");
    assert_eq!(language(), Ok(Language::Go));
    write("package.json", "{}");
    assert_eq!(language(), Ok(Language::JavaScript));
    write("Cargo.toml", "");
    assert_eq!(language(), Ok(Language::Rust));
    write("fastly.toml", "language = \"assemblyscript\"\n");
    assert_eq!(language(), Ok(Language::AssemblyScript));

    let text = "[scripts]\nbuild = 'make'\nenv_file = '.env'\nenv_vars = ['B=2', 'C=a=b']\n";
    write("fastly.toml", text);
    let failure = open().expect_err("no such file");
    assert!(said(&failure).contains("the `env_file` of [scripts]"));
    write(".env", "# ours\nexport A = \"1 2\"\n\nB=1\n");
    let project = open().unwrap_or_else(|failure| panic!("{}", said(&failure)));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    // The later counts.
    let expected = [
        pair("A", "1 2"),
        pair("B", "1"),
        pair("B", "2"),
        pair("C", "a=b"),
    ];
    assert_eq!(project.environment, expected);
    assert_eq!(project.wasm(), folder.path().join("bin/main.wasm"));
    write(".env", "A=1\nB\n");
    let failure = open().expect_err("no variable");
    assert!(said(&failure).contains(".env:2: this is not NAME=VALUE"));
}

#[test]
fn the_program_of_a_cargo_project_is_the_one_a_user_means() {
    let package = |name: &str, default: Option<&str>, bins: &[&str]| {
        let targets: Vec<_> = bins
            .iter()
            .map(|name| json!({ "kind": ["bin"], "name": name }))
            .chain([json!({ "kind": ["lib"], "name": "lib" })])
            .collect();
        json!({
            "name": name,
            "default_run": default,
            "manifest_path": format!("/w/{name}/Cargo.toml"),
            "targets": targets,
        })
    };
    let name = |packages: &[serde_json::Value], at: &str| {
        let metadata = json!({ "packages": packages });
        cargo::name(&metadata, Path::new(at)).map_err(|failure| said(&failure))
    };
    let a = package("a", None, &["x", "a"]);
    let b = package("b", Some("y"), &["b", "y"]);
    let c = package("c", None, &[]);
    let d = package("d", None, &["one", "two"]);
    let all = [a.clone(), b.clone(), c.clone(), d];
    assert_eq!(name(&all, "/w/a/Cargo.toml").as_deref(), Ok("a"));
    assert_eq!(name(&all, "/w/b/Cargo.toml").as_deref(), Ok("y"));
    assert_eq!(name(&[a, c], "/w/Cargo.toml").as_deref(), Ok("a"));
    let several = name(&all, "/w/d/Cargo.toml").expect_err("two");
    assert!(several.contains("one, two"), "{several}");
    let none = name(&all, "/w/c/Cargo.toml").expect_err("a library");
    assert!(none.contains("knows of no program"), "{none}");
    assert_eq!(cargo::named("cargo build --bin x --release"), Some("x"));
    assert_eq!(cargo::named("make && cargo build --bin=y"), Some("y"));
    assert_eq!(cargo::named("make"), None);
}
