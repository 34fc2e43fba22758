//! Config stores under their old name.

use crate::harness::Test;

#[tokio::test]
async fn a_dictionary_is_a_config_store() {
    let test = Test::guest("dictionary_lookup").config_store("strings", &[("greeting", "hello")]);
    assert_eq!(test.get("/").await.ok(), "found");
}
