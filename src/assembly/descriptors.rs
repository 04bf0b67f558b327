//! Whether the process may open enough file descriptors.

use crate::{config::Configuration, server::DescriptorShortage};

/// Whether the configuration may need more file descriptors than there may be.
pub fn descriptor_shortage(
    configuration: &Configuration,
    allowed: Option<u64>,
) -> Option<DescriptorShortage> {
    let requests =
        configuration.apps.iter().map(|app| app.forward.max_requests).fold(0, usize::saturating_add);
    DescriptorShortage::of(configuration.limits.connections, requests, allowed)
}
