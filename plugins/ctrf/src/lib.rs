//! The bundled ctrf plugin of flaky.
