// A file out of a package that its publisher has put on npm, without the rest of the package.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CACHE = process.env.FLAKY_TEST_CACHE ?? fileURLToPath(new URL('../../../target/github', import.meta.url));

/** The JSON file `member` of a package, fetched once. */
export function published(name, version, member) {
  const folder = join(CACHE, `${name.split('/').at(-1)}-${version}`);
  const file = join(folder, 'package', member);
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true });
    const told = execFileSync('npm', ['pack', `${name}@${version}`, '--silent'], { cwd: folder, encoding: 'utf8' });
    execFileSync('tar', ['-xzf', told.trim(), `package/${member}`], { cwd: folder });
  }
  return JSON.parse(readFileSync(file, 'utf8'));
}
