// The reporter that the runner chooses when nobody names one and nobody looks at a terminal: `tap` up to version 22,
// `spec` from then on.
import { spec, tap } from 'node:test/reporters';

const [major] = process.versions.node.split('.').map(Number);
const chosen = major >= 23 ? spec : tap;

export default chosen === spec ? new spec() : tap;
