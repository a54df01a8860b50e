//! The bundled node-test plugin of flaky.
