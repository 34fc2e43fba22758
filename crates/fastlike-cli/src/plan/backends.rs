//! Backends of the command line and the manifest.

use std::collections::BTreeSet;

use fastlike_runtime::Origin;
use fastlike_runtime::manifest::Manifest;

use crate::args::NamedUrl;
use crate::failure::Failure;

/// A backend with its URL, to show.
pub(crate) struct PlannedBackend {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) origin: Origin,
}

/// What is typed counts more than what is written in a file.
pub(super) fn backends(
    typed: Vec<NamedUrl>,
    manifest: &Manifest,
) -> Result<Vec<PlannedBackend>, Failure> {
    let mut named = BTreeSet::new();
    let mut backends = Vec::new();
    for flag in typed {
        if !named.insert(flag.name.clone()) {
            let message = format!("the backend `{}` is given twice", flag.name);
            return Err(Failure::new(message).help("keep one `--backend` of this name"));
        }
        let example = format!("write `--backend {}=https://HOST`", flag.name);
        let origin = Origin::new(&flag.url).map_err(|error| {
            Failure::new(format!("backend `{}`: {error}", flag.name)).help(example)
        })?;
        backends.push(PlannedBackend {
            name: flag.name,
            url: flag.url,
            origin,
        });
    }
    for (name, settings) in &manifest.backends {
        if named.contains(name) {
            continue;
        }
        let origin = settings
            .origin()
            .map_err(|error| Failure::new(format!("backend `{name}`: {error}")))?;
        backends.push(PlannedBackend {
            name: name.clone(),
            url: settings.url.clone(),
            origin,
        });
    }
    Ok(backends)
}

/// The older command took `HOST:PORT`; that is still good here, where there is
/// one URL only.
pub(super) fn proxy_to(url: String) -> Result<PlannedBackend, Failure> {
    let url = if url.contains("://") {
        url
    } else {
        format!("http://{url}")
    };
    let origin = Origin::new(&url).map_err(|error| {
        Failure::new(format!("--proxy-to: {error}")).help("write `--proxy-to http://HOST:PORT`")
    })?;
    Ok(PlannedBackend {
        name: "*".to_owned(),
        url,
        origin,
    })
}
