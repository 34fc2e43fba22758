//! The core-wasm door of `fastly_kv_store`.

use std::time::Duration;

use bytes::Bytes;
use fastlike_abi::fastly_kv_store::FastlyKvStore;
use fastlike_abi::layout::{kv_insert_config, kv_list_config};
use fastlike_abi::memory::{self, OutBuf, Record};
use fastlike_abi::types::{
    BodyHandle, FastlyStatus, HostError, KvDeleteConfig, KvError as KvStatus, KvInsertConfig,
    KvInsertConfigOptions, KvInsertMode, KvListConfig, KvListConfigOptions, KvListMode as ListMode,
    KvLookupConfig, KvStoreDeleteHandle, KvStoreHandle, KvStoreInsertHandle, KvStoreListHandle,
    KvStoreLookupHandle,
};
use wiggle::{GuestMemory, GuestPtr};

use super::{Found, Outcome};
use crate::hostcalls::status::kv_status;
use crate::kv::{KvInsert, KvList, KvListMode, KvMode};
use crate::limits;
use crate::sandbox::Sandbox;

type Result<T> = std::result::Result<T, HostError>;

impl FastlyKvStore for Sandbox {
    fn open(&mut self, mem: &mut GuestMemory<'_>, name: GuestPtr<str>) -> Result<KvStoreHandle> {
        let name = memory::text(mem, name, limits::TEXT)?;
        Ok(super::open(&mut self.session, &name)?)
    }

    fn lookup(
        &mut self,
        mem: &mut GuestMemory<'_>,
        store: KvStoreHandle,
        key: GuestPtr<str>,
        _: u32,
        _: GuestPtr<KvLookupConfig>,
    ) -> Result<KvStoreLookupHandle> {
        let key = memory::text(mem, key, limits::TEXT)?;
        Ok(super::lookup(&mut self.session, store, &key)?)
    }

    fn lookup_wait(
        &mut self,
        mem: &mut GuestMemory<'_>,
        handle: KvStoreLookupHandle,
        body_out: GuestPtr<BodyHandle>,
        metadata: GuestPtr<u8>,
        metadata_len: u32,
        nwritten: GuestPtr<u32>,
        generation_out: GuestPtr<u32>,
        kv_error_out: GuestPtr<KvStatus>,
    ) -> Result<()> {
        let found = super::lookup_wait(&mut self.session, handle)?;
        let metadata = OutBuf::new(metadata, metadata_len, nwritten);
        // Its generation is always 0: the real one has 64 bits.
        if self
            .found(mem, found, body_out, metadata, kv_error_out)?
            .is_some()
        {
            memory::write(mem, generation_out, 0)?;
        }
        Ok(())
    }

    fn lookup_wait_v2(
        &mut self,
        mem: &mut GuestMemory<'_>,
        handle: KvStoreLookupHandle,
        body_out: GuestPtr<BodyHandle>,
        metadata: GuestPtr<u8>,
        metadata_len: u32,
        nwritten: GuestPtr<u32>,
        generation_out: GuestPtr<u64>,
        kv_error_out: GuestPtr<KvStatus>,
    ) -> Result<()> {
        let found = super::lookup_wait(&mut self.session, handle)?;
        let metadata = OutBuf::new(metadata, metadata_len, nwritten);
        if let Some(generation) = self.found(mem, found, body_out, metadata, kv_error_out)? {
            memory::write(mem, generation_out, generation)?;
        }
        Ok(())
    }

    async fn insert(
        &mut self,
        mem: &mut GuestMemory<'_>,
        store: KvStoreHandle,
        key: GuestPtr<str>,
        body: BodyHandle,
        mask: u32,
        config: GuestPtr<KvInsertConfig>,
    ) -> Result<KvStoreInsertHandle> {
        let key = memory::text(mem, key, limits::TEXT)?;
        let options = insert_options(mem, mask, config)?;
        Ok(super::insert(&mut self.session, store, &key, body, options).await?)
    }

    async fn insert_wait(
        &mut self,
        mem: &mut GuestMemory<'_>,
        handle: KvStoreInsertHandle,
        kv_error_out: GuestPtr<KvStatus>,
    ) -> Result<()> {
        let outcome = super::insert_wait(&mut self.session, handle).await?;
        tell(mem, &outcome, kv_error_out)
    }

    async fn delete(
        &mut self,
        mem: &mut GuestMemory<'_>,
        store: KvStoreHandle,
        key: GuestPtr<str>,
        _: u32,
        _: GuestPtr<KvDeleteConfig>,
    ) -> Result<KvStoreDeleteHandle> {
        let key = memory::text(mem, key, limits::TEXT)?;
        Ok(super::delete(&mut self.session, store, &key).await?)
    }

    async fn delete_wait(
        &mut self,
        mem: &mut GuestMemory<'_>,
        handle: KvStoreDeleteHandle,
        kv_error_out: GuestPtr<KvStatus>,
    ) -> Result<()> {
        let outcome = super::delete_wait(&mut self.session, handle).await?;
        tell(mem, &outcome, kv_error_out)
    }

    fn list(
        &mut self,
        mem: &mut GuestMemory<'_>,
        store: KvStoreHandle,
        mask: u32,
        config: GuestPtr<KvListConfig>,
    ) -> Result<KvStoreListHandle> {
        let options = list_options(mem, mask, config)?;
        Ok(super::list(&mut self.session, store, &options)?)
    }

    fn list_wait(
        &mut self,
        mem: &mut GuestMemory<'_>,
        handle: KvStoreListHandle,
        body_out: GuestPtr<BodyHandle>,
        kv_error_out: GuestPtr<KvStatus>,
    ) -> Result<()> {
        let outcome = super::list_wait(&mut self.session, handle)?;
        tell(mem, &outcome, kv_error_out)?;
        if let Ok(page) = outcome {
            memory::write(mem, body_out, self.session.items.insert(page)?)?;
        }
        Ok(())
    }
}

impl Sandbox {
    /// Writes what a lookup found, but for its generation, which it gives.
    fn found(
        &mut self,
        mem: &mut GuestMemory<'_>,
        outcome: Outcome<Found>,
        body_out: GuestPtr<BodyHandle>,
        metadata: OutBuf,
        kv_error_out: GuestPtr<KvStatus>,
    ) -> Result<Option<u64>> {
        let found = match outcome {
            Ok(found) => found,
            Err(error) => {
                memory::write(mem, kv_error_out, kv_status(&error))?;
                return Ok(None);
            }
        };
        metadata.write(mem, &found.metadata)?;
        memory::write(mem, body_out, self.session.items.insert(found.value)?)?;
        memory::write(mem, kv_error_out, KvStatus::Ok)?;
        Ok(Some(found.generation))
    }
}

fn tell<T>(
    mem: &mut GuestMemory<'_>,
    outcome: &Outcome<T>,
    kv_error_out: GuestPtr<KvStatus>,
) -> Result<()> {
    let told = match outcome {
        Ok(_) => KvStatus::Ok,
        Err(error) => kv_status(error),
    };
    memory::write(mem, kv_error_out, told)
}

fn invalid() -> HostError {
    FastlyStatus::Inval.into()
}

/// The mode has no bit. Guests that want none pass NULL for the record.
fn mode<T>(mem: &GuestMemory<'_>, config: GuestPtr<T>, at: u32) -> Result<u32>
where
    T: wiggle::Pointee<Pointer = u32>,
{
    if config.offset() == 0 {
        return Ok(0);
    }
    Record::at(config).u32(mem, at)
}

fn insert_options(
    mem: &GuestMemory<'_>,
    mask: u32,
    config: GuestPtr<KvInsertConfig>,
) -> Result<KvInsert> {
    use kv_insert_config as layout;
    let has = |option: KvInsertConfigOptions| mask & option.bits() != 0;
    let record = Record::at(config);
    let mode = KvInsertMode::try_from(mode(mem, config, layout::MODE)?).map_err(|_| invalid())?;
    let mut options = KvInsert {
        mode: match mode {
            KvInsertMode::Overwrite => KvMode::Overwrite,
            KvInsertMode::Add => KvMode::Add,
            KvInsertMode::Append => KvMode::Append,
            KvInsertMode::Prepend => KvMode::Prepend,
        },
        ..KvInsert::default()
    };
    if has(KvInsertConfigOptions::METADATA) {
        let metadata = record.bytes(mem, layout::METADATA, layout::METADATA_LEN, limits::TEXT)?;
        if metadata.is_empty() {
            return Err(invalid());
        }
        options.metadata = Bytes::copy_from_slice(metadata);
    }
    if has(KvInsertConfigOptions::TIME_TO_LIVE_SEC) {
        let seconds = record.u32(mem, layout::TIME_TO_LIVE_SEC)?;
        options.ttl = Some(Duration::from_secs(seconds.into()));
    }
    if has(KvInsertConfigOptions::RESERVED_2) {
        // The form of SDK 0.11.0 had 32 bits, where now nothing is.
        let generation = record.u32(mem, layout::UNUSED)?;
        options.if_generation_match = Some(generation.into());
    }
    if has(KvInsertConfigOptions::IF_GENERATION_MATCH) {
        let generation = record.u64(mem, layout::IF_GENERATION_MATCH)?;
        options.if_generation_match = Some(generation);
    }
    // Nothing here is older than what a background fetch would get.
    Ok(options)
}

fn list_options(
    mem: &GuestMemory<'_>,
    mask: u32,
    config: GuestPtr<KvListConfig>,
) -> Result<KvList> {
    use kv_list_config as layout;
    let has = |option: KvListConfigOptions| mask & option.bits() != 0;
    let record = Record::at(config);
    let mode = ListMode::try_from(mode(mem, config, layout::MODE)?).map_err(|_| invalid())?;
    let text = |option, at, length| -> Result<Option<String>> {
        if !has(option) {
            return Ok(None);
        }
        let text = record.text(mem, at, length, limits::TEXT)?;
        if text.is_empty() {
            return Err(invalid());
        }
        Ok(Some(text))
    };
    Ok(KvList {
        prefix: text(
            KvListConfigOptions::PREFIX,
            layout::PREFIX,
            layout::PREFIX_LEN,
        )?,
        cursor: text(
            KvListConfigOptions::CURSOR,
            layout::CURSOR,
            layout::CURSOR_LEN,
        )?,
        limit: match has(KvListConfigOptions::LIMIT) {
            true => Some(record.u32(mem, layout::LIMIT)?),
            false => None,
        },
        mode: match mode {
            ListMode::Strong => KvListMode::Strong,
            ListMode::Eventual => KvListMode::Eventual,
        },
    })
}
