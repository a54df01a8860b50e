//! The bundled playwright plugin of flaky.
