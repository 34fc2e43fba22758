//! Everything around a guest: what a service was configured with. Immutable.

use std::sync::Arc;

use crate::acl::Acls;
use crate::backend::{Failures, Registry};
use crate::config_store::ConfigStores;
use crate::device::Devices;
use crate::geo::GeoProvider;
use crate::hand_off::HandOffs;
use crate::hostcalls::Warned;
use crate::identity::LoopMark;
use crate::inspect::Inspector;
use crate::limits::Limits;
use crate::log::LogSink;
use crate::observe::Observer;
use crate::output::OutputSink;
use crate::products::Products;
use crate::profile::Profiler;
use crate::purge::Purger;
use crate::reuse::Lot;
use crate::secret_store::SecretStores;
use crate::shield::Shields;
use crate::state::State;
use crate::user_agent::UserAgents;

pub(crate) struct World {
    pub(crate) backends: Registry,
    pub(crate) failures: Failures,
    pub(crate) shields: Shields,
    pub(crate) hand_offs: HandOffs,
    pub(crate) config_stores: ConfigStores,
    pub(crate) secret_stores: SecretStores,
    pub(crate) acls: Acls,
    pub(crate) state: State,
    pub(crate) geo: Arc<dyn GeoProvider>,
    pub(crate) devices: Devices,
    pub(crate) user_agents: UserAgents,
    pub(crate) inspector: Arc<dyn Inspector>,
    pub(crate) logs: Arc<dyn LogSink>,
    pub(crate) stdout: Arc<dyn OutputSink>,
    pub(crate) stderr: Arc<dyn OutputSink>,
    pub(crate) observer: Arc<dyn Observer>,
    /// The guest's environment, but for the trace id of each run.
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) identity: LoopMark,
    pub(crate) products: Products,
    pub(crate) purger: Purger,
    pub(crate) limits: Limits,
    /// A fault's backtrace is shown to the client.
    pub(crate) backtraces: bool,
    /// How runs are profiled, if they are.
    pub(crate) profiler: Option<Profiler>,
    pub(crate) warned: Warned,
    /// The sandboxes that wait for another request.
    pub(crate) lot: Arc<Lot>,
}
