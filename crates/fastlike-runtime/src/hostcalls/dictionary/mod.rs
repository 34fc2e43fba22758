//! `fastly_dictionary`: the old name of config stores, with handles of its
//! own. Only a door; the meaning is in `config_store`.

mod witx;
