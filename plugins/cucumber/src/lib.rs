//! The bundled cucumber plugin of flaky.
