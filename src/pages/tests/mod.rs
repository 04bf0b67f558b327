//! Pages as they are rendered, and the responses with them.

mod documents;
mod gallery;
mod hostile_values;
mod own_responses;
