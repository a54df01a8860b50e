//! A client of an endpoint.
