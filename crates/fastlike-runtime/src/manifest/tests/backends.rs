//! What can be wrong with a backend.

use super::*;

/// What is said of a backend with these settings.
fn said(settings: &str) -> (Vec<Problem>, Vec<Warning>) {
    let text = format!("[local_server.backends.a]\nurl = \"https://a\"\n{settings}\n");
    said_of(folder().join("fastly.toml"), &text)
}

/// The last part of each problem's key, with its message.
fn problems(settings: &str) -> Vec<(String, String)> {
    let last = |p: Problem| {
        let key = p.key_path.rsplit('.').next().unwrap_or_default();
        (key.to_owned(), p.message)
    };
    said(settings).0.into_iter().map(last).collect()
}

fn keys(settings: &str) -> Vec<String> {
    problems(settings).into_iter().map(|(key, _)| key).collect()
}

#[test]
fn each_wrong_key_of_a_health_check_is_said() {
    let settings = "healthcheck = { host = \"\", expected_status = 70000, interval_ms = 10, \
        timeout_ms = 3600000, window = 16, threshold = 0, initial = 16 }";
    let expected = [
        "host",
        "expected_status",
        "interval_ms",
        "timeout_ms",
        "window",
        "threshold",
        "initial",
    ];
    assert_eq!(keys(settings), expected);
}

#[test]
fn counts_of_a_health_check_are_within_its_window() {
    let wrong = |counts: &str| keys(&format!("healthcheck = {{ {counts} }}"));
    assert!(wrong("window = 15, threshold = 15, initial = 15").is_empty());
    assert_eq!(wrong("window = 0"), ["window"]);
    assert_eq!(wrong("threshold = 0"), ["threshold"]);
    assert_eq!(wrong("threshold = 6"), ["threshold"]);
    assert_eq!(wrong("window = 3, initial = 4"), ["initial"]);
    assert!(wrong("initial = 0").is_empty());
}

#[test]
fn defaults_of_a_health_check_yield_to_its_window() {
    let check = |window: u32| {
        let text = format!(
            "[local_server.backends.a]\nurl = \"http://a\"\nhealthcheck = {{ window = {window} }}\n"
        );
        let (manifest, _) = Manifest::parse("fastly.toml", text).expect("valid");
        let check = manifest.backends["a"].health_check.clone().expect("one");
        (check.window, check.threshold, check.initial)
    };
    assert_eq!(check(1), (1, 1, 1));
    assert_eq!(check(3), (3, 3, 3));
    assert_eq!(check(4), (4, 3, 4));
    assert_eq!(check(9), (9, 3, 4));
}

#[test]
fn tls_versions_that_exclude_each_other_are_said_in_words() {
    let expected = "no TLS version is left: there are 1.2 and 1.3, and 1.3 or higher and \
        1.2 or lower is asked for";
    assert_eq!(
        problems("ssl_min_version = \"1.3\"\nssl_max_version = \"1.2\""),
        [("ssl_max_version".to_owned(), expected.to_owned())]
    );
    assert_eq!(keys("ssl_max_version = \"1.1\""), ["ssl_max_version"]);
}

#[test]
fn unknown_ciphers_are_said_at_their_key() {
    let (problems, warnings) = said("ciphers = \"HIGH:FROB:!aNULL:BAZ\"");
    assert_eq!(problems, []);
    assert_eq!(warnings[0].message, "`FROB`, `BAZ` name no cipher suite");
    assert_eq!((warnings[0].line, warnings[0].column), (3, 11));
    assert_eq!(keys("ciphers = \"FROB\""), ["ciphers"]);
    assert_eq!(keys("ciphers = \"FROB:BAZ\""), ["ciphers"]);
    assert_eq!(
        said("ciphers = \"HIGH:!aNULL:AES256-SHA\""),
        (vec![], vec![])
    );
}

#[test]
fn client_certificates_are_wrong_at_the_key_that_is_wrong() {
    let certificate = |certificate: &str, key: &str| {
        problems(&format!("client_certificate = {{ {certificate}, {key} }}"))
    };
    let (pem, key) = (
        "certificate_file = \"files/client.pem\"",
        "key_file = \"files/client.key\"",
    );
    assert_eq!(certificate(pem, key), []);
    let other = rcgen::KeyPair::generate().expect("a key").serialize_pem();
    let other = format!("key = \"\"\"{other}\"\"\"");
    let said = |key: &str, message: &str| vec![(key.to_owned(), message.to_owned())];
    let mismatch = "the client certificate's private key: it is not that of the certificate";
    assert_eq!(certificate(pem, &other), said("key", mismatch));
    let none = "the client certificate's private key: there is no private key in the PEM text";
    let swapped = "key_file = \"files/client.pem\"";
    assert_eq!(certificate(pem, swapped), said("key_file", none));
    let broken = "-----BEGIN CERTIFICATE-----\\n!!!!\\n-----END CERTIFICATE-----\\n";
    let base64 = "client certificate: what is between BEGIN and END is not base64";
    assert_eq!(
        certificate(&format!("certificate = \"{broken}\""), key),
        said("certificate", base64)
    );
    let broken = "-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n";
    let no_der = "CA certificate: what is between BEGIN and END is not a certificate";
    assert_eq!(
        problems(&format!("ca_certificate = \"{broken}\"")),
        said("ca_certificate", no_der)
    );
}

#[test]
fn a_path_in_the_place_of_a_pem_text_is_told_where_to_go() {
    let help = |settings: &str| {
        let (problems, _) = said(settings);
        assert_eq!(problems.len(), 1, "{problems:?}");
        problems[0].help.clone()
    };
    let key = "key_file = \"files/client.key\"";
    let pem = "certificate_file = \"files/client.pem\"";
    assert_eq!(
        help("ca_certificate = \"pki/ca.pem\"").as_deref(),
        Some("for a file write `{ file = \"pki/ca.pem\" }`")
    );
    // It may be a secret.
    assert_eq!(
        help(&format!(
            "client_certificate = {{ certificate = \"s3cret\", {key} }}"
        ))
        .as_deref(),
        Some("for a file write `certificate_file = \"…\"`")
    );
    assert_eq!(
        help(&format!(
            "client_certificate = {{ {pem}, key = \"s3cret\" }}"
        ))
        .as_deref(),
        Some("for a file write `key_file = \"…\"`")
    );
    assert_eq!(
        help("ca_certificate = { file = \"files/store.json\" }"),
        None
    );
}

#[test]
fn a_number_can_be_too_large() {
    assert_eq!(
        problems("first_byte_timeout_ms = 99999999999999999999"),
        [(
            "first_byte_timeout_ms".to_owned(),
            "`99999999999999999999` is too large".to_owned()
        )]
    );
    let negative = problems("first_byte_timeout_ms = -99999999999999999999");
    assert!(negative[0].1.starts_with("expected a whole number"));
}

#[test]
fn a_slip_in_a_scheme_is_mended() {
    let help = |url: &str| {
        let text = format!("[local_server.backends.a]\nurl = \"{url}\"\n");
        said_of("fastly.toml", &text).0[0].help.clone()
    };
    for slip in ["http//h", "http:/h", "http:h"] {
        assert_eq!(help(slip).as_deref(), Some("write `http://h`"), "{slip}");
    }
    assert_eq!(help("https//h/x").as_deref(), Some("write `https://h/x`"));
    assert_eq!(
        help("httpbin.org").as_deref(),
        Some("write `https://httpbin.org` or `http://httpbin.org`")
    );
    assert_eq!(help("http://h:99999"), None);
}
