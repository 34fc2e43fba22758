//! `[local_server] fake_valid_fastly_keys`: keys that programs are told are
//! valid.

use super::problem::Log;
use super::raw::Section;

pub(super) fn read(local: &mut Section<'_>, log: &mut Log) -> Vec<String> {
    let Some(item) = local.take("fake_valid_fastly_keys") else {
        return Vec::new();
    };
    if item.value().as_array().is_none() {
        // What is there may be a key: it is not shown.
        let problem = item.problem_at_key("expected an array of strings");
        log.error(problem.help("write `fake_valid_fastly_keys = [\"KEY\"]`"));
        return Vec::new();
    }
    let keys = item.elements().into_iter();
    keys.filter_map(|key| match key.value().as_str() {
        Some(text) => Some(text.to_owned()),
        None => {
            log.error(key.problem("expected a string"));
            None
        }
    })
    .collect()
}
