//! The file descriptors that a configuration needs.

use crate::{config::Configuration, server::DescriptorShortage};

/// The shortage, if the limits of the configuration need more file descriptors than `allowed`.
pub fn descriptor_shortage(
    configuration: &Configuration,
    allowed: Option<u64>,
) -> Option<DescriptorShortage> {
    let requests =
        configuration.apps.iter().map(|app| app.forward.max_requests).fold(0, usize::saturating_add);
    DescriptorShortage::of(configuration.limits.connections, requests, allowed)
}
