//! Shards on an endpoint: submitting, following, submitting again, merging.
