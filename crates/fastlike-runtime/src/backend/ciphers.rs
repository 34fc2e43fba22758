//! OpenSSL's cipher lists, as far as rustls has what they name.

use rustls::SupportedCipherSuite;
use rustls::crypto::aws_lc_rs::cipher_suite as suite;

/// A TLS 1.2 suite and the words of a list that select it.
struct Suite {
    /// As OpenSSL calls it.
    name: &'static str,
    /// As the registry calls it.
    registered: &'static str,
    /// Groups of OpenSSL that contain it, beside [`EVERY`].
    groups: &'static [&'static str],
    suite: &'static SupportedCipherSuite,
}

/// Groups of OpenSSL that contain all suites that rustls has.
const EVERY: &[&str] = &[
    "ALL", "DEFAULT", "HIGH", "TLSv1.2", "ECDHE", "EECDH", "kECDHE", "kEECDH", "AEAD",
];

/// In rustls' order of preference. There are no others: neither CBC nor key
/// exchanges without forward secrecy.
const SUITES: &[Suite] = &[
    Suite {
        name: "ECDHE-ECDSA-AES256-GCM-SHA384",
        registered: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        groups: &["aECDSA", "ECDSA", "AES", "AES256", "AESGCM"],
        suite: &suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    },
    Suite {
        name: "ECDHE-ECDSA-AES128-GCM-SHA256",
        registered: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        groups: &["aECDSA", "ECDSA", "AES", "AES128", "AESGCM"],
        suite: &suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    },
    Suite {
        name: "ECDHE-ECDSA-CHACHA20-POLY1305",
        registered: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        groups: &["aECDSA", "ECDSA", "CHACHA20"],
        suite: &suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    },
    Suite {
        name: "ECDHE-RSA-AES256-GCM-SHA384",
        registered: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        groups: &["aRSA", "AES", "AES256", "AESGCM"],
        suite: &suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    },
    Suite {
        name: "ECDHE-RSA-AES128-GCM-SHA256",
        registered: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        groups: &["aRSA", "AES", "AES128", "AESGCM"],
        suite: &suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    },
    Suite {
        name: "ECDHE-RSA-CHACHA20-POLY1305",
        registered: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        groups: &["aRSA", "CHACHA20"],
        suite: &suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    },
];

/// Other groups of OpenSSL, and the parts that its suites' names are made of:
/// what is known, but there is no suite of it here.
const PARTS: &[&str] = &[
    "3DES",
    "ADH",
    "AECDH",
    "AES",
    "AES128",
    "AES256",
    "ALL",
    "ARIA",
    "ARIA128",
    "ARIA256",
    "ARIAGCM",
    "AESCCM",
    "AESCCM8",
    "CAMELLIA",
    "CAMELLIA128",
    "CAMELLIA256",
    "CBC",
    "CBC3",
    "CBCSAC",
    "CCM",
    "CCM8",
    "CHACHA20",
    "CIPHER",
    "COMPLEMENTOFALL",
    "COMPLEMENTOFDEFAULT",
    "DEFAULT",
    "DES",
    "DH",
    "DHE",
    "DSS",
    "ECDH",
    "ECDHE",
    "ECDSA",
    "EDE",
    "EDH",
    "EXP",
    "EXPORT",
    "GCM",
    "GOST",
    "IDEA",
    "KRB5",
    "LOW",
    "MD5",
    "MEDIUM",
    "NULL",
    "POLY1305",
    "PROFILE",
    "PSK",
    "RC2",
    "RC4",
    "RSA",
    "SEED",
    "SHA",
    "SHA1",
    "SHA256",
    "SHA384",
    "SRP",
    "SSLv3",
    "SUITEB128",
    "SUITEB128ONLY",
    "SUITEB192",
    "SYSTEM",
    "TLS",
    "TLSv1",
    "TLSv1.0",
    "TLSv1.3",
    "TLSv1.2",
    "WITH",
    "aDSS",
    "aECDH",
    "aGOST",
    "aGOST01",
    "aNULL",
    "aPSK",
    "aSRP",
    "anon",
    "eNULL",
    "kDH",
    "kDHE",
    "kDHEPSK",
    "kDHd",
    "kDHr",
    "kECDH",
    "kECDHEPSK",
    "kEDH",
    "kGOST",
    "kPSK",
    "kRSA",
    "kRSAPSK",
    "kSRP",
    "128",
    "256",
];

/// Whether a word of a list has a meaning in OpenSSL.
fn is_known(word: &str) -> bool {
    let word = word.trim_start_matches(['!', '-', '+']);
    word.starts_with('@')
        || word.split('+').all(|group| {
            SUITES.iter().any(|suite| suite.is_in(group))
                || group.split(['-', '_']).all(|part| PARTS.contains(&part))
        })
}

/// The words of a list, as [`Ciphers::parse`] reads them, that OpenSSL does not
/// know, either, and how many words there are.
pub(crate) fn unknown_ciphers(list: &str) -> (Vec<&str>, usize) {
    let words = || words(list).filter(|word| !word.is_empty());
    let unknown = words().filter(|word| !is_known(word));
    (unknown.collect(), words().count())
}

fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split([':', ',', ' ', ';'])
}

impl Suite {
    /// `ECDHE+AESGCM` means what is in both groups.
    fn is_in(&self, words: &str) -> bool {
        words.split('+').all(|word| {
            word == self.name
                || word == self.registered
                || EVERY.contains(&word)
                || self.groups.contains(&word)
        })
    }
}

/// The TLS 1.2 suites that a list selects, the preferred ones first. As in
/// OpenSSL, a list says nothing about those of TLS 1.3.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ciphers(Vec<SupportedCipherSuite>);

impl Ciphers {
    /// What `list` selects of the suites that there are: words separated by
    /// `:`, a `,` or a space, each adding suites, or with `!` banning, with
    /// `-` removing, with `+` moving them to the end. As in OpenSSL, unknown
    /// words select nothing.
    pub(super) fn parse(list: &str) -> Self {
        let mut chosen: Vec<&Suite> = Vec::new();
        let mut banned: Vec<&str> = Vec::new();
        for word in words(list) {
            let (operator, words) = match word.split_at_checked(1) {
                Some((operator @ ("!" | "-" | "+"), words)) => (operator, words),
                // `@STRENGTH`, `@SECLEVEL=2`: all that there is is strong.
                Some(("@", _)) | None => continue,
                Some(_) => ("", word),
            };
            match operator {
                "!" => {
                    banned.push(words);
                    chosen.retain(|suite| !suite.is_in(words));
                }
                "-" => chosen.retain(|suite| !suite.is_in(words)),
                // A stable sort: false comes before true.
                "+" => chosen.sort_by_key(|suite| suite.is_in(words)),
                _ => {
                    let new = SUITES.iter().filter(|suite| suite.is_in(words));
                    let new: Vec<_> = new
                        .filter(|suite| !banned.iter().any(|words| suite.is_in(words)))
                        .filter(|suite| !chosen.iter().any(|one| one.name == suite.name))
                        .collect();
                    chosen.extend(new);
                }
            }
        }
        Self(chosen.into_iter().map(|chosen| *chosen.suite).collect())
    }

    /// Whether TLS 1.2 is possible at all.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The suites to offer: those of TLS 1.3 among `all`, then the chosen ones.
    pub(super) fn of(&self, all: &[SupportedCipherSuite]) -> Vec<SupportedCipherSuite> {
        let tls13 = all.iter().filter(|suite| suite.tls13().is_some());
        tls13.chain(&self.0).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &str) -> Vec<&'static str> {
        let Ciphers(chosen) = Ciphers::parse(list);
        let name = |one: &SupportedCipherSuite| {
            let found = SUITES.iter().find(|suite| suite.suite == one);
            found.expect("in the table").name
        };
        chosen.iter().map(name).collect()
    }

    #[test]
    fn a_list_selects_by_name_and_by_group_in_its_order() {
        assert_eq!(
            names("ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256"),
            [
                "ECDHE-RSA-CHACHA20-POLY1305",
                "ECDHE-ECDSA-AES128-GCM-SHA256"
            ]
        );
        assert_eq!(names("HIGH").len(), 6);
        assert_eq!(
            names("aRSA+CHACHA20:aRSA+AES128"),
            ["ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256"]
        );
        assert_eq!(
            names("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
            ["ECDHE-RSA-AES256-GCM-SHA384"]
        );
    }

    #[test]
    fn suites_are_banned_removed_and_moved() {
        assert_eq!(names("ALL:!aRSA:aRSA:@STRENGTH").len(), 3);
        assert_eq!(names("ALL:-aRSA:ECDHE-RSA-AES128-GCM-SHA256").len(), 4);
        assert_eq!(
            names("aECDSA:+AESGCM").first(),
            Some(&"ECDHE-ECDSA-CHACHA20-POLY1305")
        );
    }

    #[test]
    fn what_rustls_has_not_is_passed_over() {
        assert_eq!(
            names("ECDHE-RSA-AES128-GCM-SHA256:AES256-SHA:DES-CBC3-SHA"),
            ["ECDHE-RSA-AES128-GCM-SHA256"]
        );
        for list in [
            "",
            ":",
            "AES128-SHA",
            "RSA",
            "DHE+AESGCM",
            "NULL",
            "!ALL",
            "é",
        ] {
            assert!(Ciphers::parse(list).is_empty(), "{list}");
        }
    }

    #[test]
    fn words_that_openssl_knows_are_told_from_others() {
        let lists = [
            "ECDHE-ECDSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DES-CBC3-SHA",
            "HIGH:!aNULL:!MD5:!3DES:-kRSA:+AES256",
            "EECDH+AESGCM:EDH+AESGCM AES256-SHA,CAMELLIA128-SHA;PSK-AES128-CCM8",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:TLS_RSA_WITH_3DES_EDE_CBC_SHA",
            "TLS_AES_128_GCM_SHA256:@STRENGTH:@SECLEVEL=2:TLSv1.2:kEECDH",
            "",
        ];
        for list in lists {
            assert_eq!(unknown_ciphers(list).0, [] as [&str; 0], "{list}");
        }
        let list = "HIGH:FROB:!ECHDE-RSA-AES128-GCM-SHA256:AES128GCM";
        let unknown = vec!["FROB", "!ECHDE-RSA-AES128-GCM-SHA256", "AES128GCM"];
        assert_eq!(unknown_ciphers(list), (unknown, 4));
    }

    #[test]
    fn tls_1_3_is_not_concerned() {
        let all = rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;
        let count = |list: &str| Ciphers::parse(list).of(all).len();
        assert_eq!(count("AES128-SHA"), 3);
        assert_eq!(count("HIGH"), 9);
    }
}
