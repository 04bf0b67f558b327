//! A failure of Redis.

/// Why a command or a connection failed.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
