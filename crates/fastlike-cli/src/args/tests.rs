//! Command lines, read.

use std::path::{Path, PathBuf};

use super::*;

fn serve(line: &str) -> ServeArgs {
    let cli = Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{error}"));
    match cli.command {
        None => cli.serve,
        Some(Command::Serve(args)) => *args,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn the_official_tools_command_line_is_understood() {
    let args = serve(
        "fastlike -v -C /p/fastly.toml --addr 127.0.0.1:7676 ./bin/main.wasm \
         --debug --profile=guest,guest-profiles --local-pushpin-proxy-port=7677 -vv",
    );
    assert_eq!(args.guest, Some(PathBuf::from("./bin/main.wasm")));
    assert_eq!(args.service.config, Some(PathBuf::from("/p/fastly.toml")));
    assert_eq!(args.listen.bind, "127.0.0.1:7676");
    assert_eq!(args.output.verbose, 3);
    assert_eq!(args.service.viceroy.remarks().len(), 1);
    assert_eq!(args.service.hand_off.local_pushpin_proxy_port, Some(7677));
    let profile = Profile::Guest {
        path: Some(PathBuf::from("guest-profiles")),
        period: None,
    };
    assert_eq!(args.service.program.profile, Some(profile));
}

#[test]
fn serve_need_not_be_named_and_flags_go_anywhere() {
    for line in [
        "fastlike serve app.wasm --bind localhost:5000",
        "fastlike app.wasm --bind localhost:5000",
        "fastlike --bind=localhost:5000 app.wasm",
        "fastlike --wasm app.wasm --addr localhost:5000",
        "fastlike serve --wasm app.wasm --addr localhost:5000",
    ] {
        let args = serve(line);
        assert_eq!(
            args.guest.or(args.wasm),
            Some(PathBuf::from("app.wasm")),
            "{line}"
        );
        assert_eq!(args.listen.bind, "localhost:5000", "{line}");
    }
}

#[test]
fn flags_about_clients_need_what_makes_them_useful() {
    let good =
        |flags: &str| Cli::try_parse_from(format!("fastlike x.wasm {flags}").split(' ')).is_ok();
    assert!(good("--tls --tls-client-ca ca.pem"));
    assert!(good("--tls-cert a --tls-key b --tls-client-ca ca.pem"));
    assert!(good(
        "--trust 10.0.0.0/8 --trust ::1 --proxy-protocol --client-ip-header X-Real-IP"
    ));
    for wrong in [
        "--tls --tls-cert a --tls-key b",
        "--tls-cert a",
        "--tls-key b",
        "--tls-client-ca ca.pem",
        "--proxy-protocol",
        "--client-ip-header x",
        "--trust localhost",
        "--trust 10.0.0.0/33",
    ] {
        assert!(!good(wrong), "{wrong}");
    }
}

#[test]
fn a_backend_is_a_name_and_a_url() {
    let args = serve("fastlike app.wasm --backend a=http://a --backend b=http://b/?x=y");
    let expected = |name: &str, url: &str| NamedUrl {
        name: name.into(),
        url: url.into(),
    };
    assert_eq!(
        args.service.backends,
        [expected("a", "http://a"), expected("b", "http://b/?x=y")]
    );
    for wrong in ["a", "=http://a", "a="] {
        assert!(
            Cli::try_parse_from(["fastlike", "x.wasm", "--backend", wrong]).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn a_flag_with_a_value_that_can_be_left_out_does_not_take_the_program() {
    let websockets = |line: &str| {
        let args = serve(line);
        assert_eq!(args.guest, Some(PathBuf::from("app.wasm")), "{line}");
        args.service.hand_off.enable_local_websocket_passthrough
    };
    let flag = "--enable-local-websocket-passthrough";
    assert_eq!(websockets(&format!("fastlike {flag} app.wasm")), Some(true));
    assert_eq!(websockets(&format!("fastlike app.wasm {flag}")), Some(true));
    let off = format!("fastlike {flag}=false app.wasm");
    assert_eq!(websockets(&off), Some(false));
    assert_eq!(websockets("fastlike app.wasm"), None);
}

#[test]
fn a_run_has_flags_before_its_program_and_the_program_those_after_it() {
    let run = |line: &str| {
        let cli = Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{error}"));
        match cli.command {
            Some(Command::Run(args)) => *args,
            other => panic!("{other:?}"),
        }
    };
    for line in [
        "fastlike run -C p/fastly.toml t.wasm -C x -v",
        "fastlike run -Cp/fastly.toml t.wasm -C x -v",
        "fastlike run -C=p/fastly.toml t.wasm -C x -v",
        "fastlike run -vCp/fastly.toml -- t.wasm -C x -v",
        "fastlike run --config=p/fastly.toml t.wasm -- -C x -v",
    ] {
        let args = run(line);
        let config = args.service.config.as_deref();
        assert_eq!(config, Some(Path::new("p/fastly.toml")), "{line}");
        let (program, rest) = args.program();
        assert_eq!(program, Path::new("t.wasm"), "{line}");
        assert_eq!(rest, ["-C", "x", "-v"], "{line}");
    }
}
