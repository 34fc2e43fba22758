//! `[local_server.products]`: which products the program is told are on. The
//! section is fastlike's own.

use super::problem::Log;
use super::raw::Section;
use crate::products::Products;

pub(super) fn read(local: &mut Section<'_>, log: &mut Log) -> Products {
    let mut products = Products::default();
    let Some(mut section) = local.section("products", log) else {
        return products;
    };
    if let Some(item) = section.take("image_optimizer") {
        match item.value().as_bool() {
            Some(yes) => products.image_optimizer = yes,
            None => drop(item.expected::<()>("`true` or `false`", log)),
        }
        if products.image_optimizer {
            let help = "programs that ask for a transformation are told that there is none";
            let problem = item.problem("programs are told that it is on, but it is not there yet");
            log.warn(problem.help(help));
        }
    }
    for (key, field) in [
        ("domain_inspector", &mut products.domain_inspector),
        ("origin_inspector", &mut products.origin_inspector),
    ] {
        *field = section.boolean(key, log).unwrap_or(false);
    }
    section.finish(log);
    products
}
