//! A request, taken apart.

use std::borrow::Cow;

use http::request::Parts;
use http::{HeaderMap, Request, StatusCode};
use percent_encoding::percent_decode_str;

use crate::answer::Problem;
use crate::limits;

/// Refuses a head that is too long, as it is written without superfluous
/// blanks.
///
/// # Errors
/// A 431.
pub(crate) fn check_head<B>(request: &Request<B>) -> Result<(), Problem> {
    let line = request.method().as_str().len() + request.uri().to_string().len();
    let mut length = line + "  HTTP/1.1\r\n\r\n".len();
    for (name, value) in request.headers() {
        length = length.saturating_add(name.as_str().len() + value.len() + ": \r\n".len());
    }
    if length <= limits::HEAD {
        return Ok(());
    }
    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    let detail = format!(
        "a head has at most {} bytes, and this one has {length}",
        limits::HEAD
    );
    Err(Problem::new(status, "The head is too large", detail))
}

/// What a request asks for, without its body.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) parts: Parts,
    /// The path's segments, decoded.
    pub(crate) segments: Vec<String>,
}

impl Asked {
    pub(crate) fn new(parts: Parts) -> Result<Self, Problem> {
        let decoded = |segment: &str| {
            let decoded = percent_decode_str(segment).decode_utf8();
            let not_text = |_| Problem::bad_request("the path is not UTF-8");
            decoded.map(Cow::into_owned).map_err(not_text)
        };
        let path = parts.uri.path().trim_start_matches('/');
        let segments = path.split('/').map(decoded).collect::<Result<_, _>>()?;
        Ok(Self { parts, segments })
    }

    /// A parameter of the query: the last of this name.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let query = self.parts.uri.query()?.as_bytes();
        let found = form_urlencoded::parse(query).filter(|(key, _)| key == name);
        found.last().map(|(_, value)| value.into_owned())
    }

    /// A parameter that is on: `name=true`, `name=1`, or `name` alone.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.query(name).as_deref() {
            None | Some("false" | "0") => Ok(false),
            Some("" | "true" | "1") => Ok(true),
            Some(other) => Err(Problem::bad_request(format!(
                "the parameter {name} is true or false, not {other:?}"
            ))),
        }
    }

    /// A number among the parameters.
    pub(crate) fn number(&self, name: &str) -> Result<Option<usize>, Problem> {
        let Some(text) = self.query(name) else {
            return Ok(None);
        };
        let wrong = |_| {
            let detail = format!("the parameter {name} is a whole number, not {text:?}");
            Problem::bad_request(detail)
        };
        text.parse().map(Some).map_err(wrong)
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Result<Option<&str>, Problem> {
        let Some(value) = self.headers().get(name) else {
            return Ok(None);
        };
        let text = std::str::from_utf8(value.as_bytes());
        let wrong = |_| Problem::bad_request(format!("the header {name} is not UTF-8"));
        text.map(Some).map_err(wrong)
    }

    /// A whole number in a header.
    pub(crate) fn header_number<N: std::str::FromStr>(
        &self,
        name: &str,
    ) -> Result<Option<N>, Problem> {
        let Some(text) = self.header(name)? else {
            return Ok(None);
        };
        let wrong = |_| {
            let detail = format!("the header {name} is a whole number, not {text:?}");
            Problem::bad_request(detail)
        };
        text.trim().parse().map(Some).map_err(wrong)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn asked(uri: &str) -> Asked {
        let request = http::Request::get(uri).body(()).expect("a request");
        Asked::new(request.into_parts().0).expect("a path")
    }

    #[test]
    fn a_head_has_so_many_bytes_and_not_one_more() {
        let head = |value: usize| {
            let request = Request::get("/healthz").header("x", "y".repeat(value));
            check_head(&request.body(()).expect("a request"))
        };
        let rest = "GET /healthz HTTP/1.1\r\nx: \r\n\r\n".len();
        assert_eq!(head(limits::HEAD - rest), Ok(()));
        let problem = head(limits::HEAD - rest + 1).expect_err("past it");
        assert_eq!(problem.status, 431);
        assert!(
            problem.detail.ends_with("this one has 32769"),
            "{}",
            problem.detail
        );
    }

    #[test]
    fn a_path_is_split_before_it_is_decoded() {
        let asked = asked("/resources/stores/kv/a%2Fb/keys/c%20d/");
        let expected = ["resources", "stores", "kv", "a/b", "keys", "c d", ""];
        assert_eq!(asked.segments, expected);
        let request = http::Request::get("/%ff").body(()).expect("a request");
        assert!(Asked::new(request.into_parts().0).is_err());
    }

    #[test]
    fn parameters_are_texts_switches_and_numbers() {
        let asked = asked("/?add&append=true&prepend=false&limit=7&name=a+b%26c&odd=2x&name=last");
        assert_eq!(asked.query("name").as_deref(), Some("last"));
        assert_eq!(asked.flag("add"), Ok(true));
        assert_eq!(asked.flag("append"), Ok(true));
        assert_eq!(asked.flag("prepend"), Ok(false));
        assert_eq!(asked.flag("missing"), Ok(false));
        assert!(asked.flag("odd").is_err() && asked.number("odd").is_err());
        assert_eq!(asked.number("limit"), Ok(Some(7)));
        assert_eq!(asked.number("missing"), Ok(None));
    }
}
