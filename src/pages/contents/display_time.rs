//! A point in time on a page.

use std::time::Duration;

use serde::Serialize;

use crate::clock::Timestamp;

/// A point in time; templates show it with the functions `date`, `time` and `ago`.
#[derive(Debug, Serialize)]
pub struct DisplayTime {
    millis: i64,
    machine: String,
    seconds_ago: u64,
}

impl DisplayTime {
    /// The same time with its distance from now.
    #[must_use]
    pub fn ago(self, ago: Duration) -> Self {
        Self { seconds_ago: ago.as_secs(), ..self }
    }
}

impl From<Timestamp> for DisplayTime {
    fn from(time: Timestamp) -> Self {
        Self { millis: time.as_millis(), machine: time.to_string(), seconds_ago: 0 }
    }
}
