//! Frameworks of JavaScript and TypeScript.
