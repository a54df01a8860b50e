// Runs, jobs, logs, artifacts and check runs.
import { problem } from './faults.mjs';
import { page } from './paging.mjs';
import { numberOf } from './shapes.mjs';

// https://docs.github.com/en/rest/checks/runs: sizes of an annotation. That there are 50 at most is in the description.
const MOST_MESSAGE_BYTES = 64 * 1024;
const MOST_TITLE_CHARACTERS = 255;
const NOT_FOUND = problem(404, 'Not Found');

const headOf = ({ state }, run) => (run.head_repository === null ? null : (state.repository(run.head_repository) ?? null));
const shownRun = (context, run) => context.shapes.run(context.repository, run, headOf(context, run));
const runOf = ({ repository, params }) => repository.runs.find((run) => run.id === Number(params.run_id));
const jobOf = ({ repository, params }) => repository.jobs.find((job) => job.id === Number(params.job_id));
const artifactOf = ({ repository, params }) => repository.artifacts.find((a) => a.id === Number(params.artifact_id));
const checkOf = ({ repository, params }) => repository.checks.find((c) => c.id === Number(params.check_run_id));

function listed(context, key, all, shape) {
  const { items, headers } = page(all, context);
  return { status: 200, headers, body: { total_count: all.length, [key]: items.map(shape) } };
}

function filtered(runs, { branch, event, head_sha, status, actor }) {
  return runs
    .filter((run) => branch === undefined || run.head_branch === branch)
    .filter((run) => event === undefined || run.event === event)
    .filter((run) => head_sha === undefined || run.head_sha === head_sha)
    .filter((run) => actor === undefined || run.actor === actor)
    // `status` asks for either.
    .filter((run) => status === undefined || run.status === status || run.conclusion === status)
    .toReversed();
}

/** A workflow by its number or the name of its file. */
function ofWorkflow(repository, workflow) {
  const wanted = String(workflow);
  return repository.runs.filter((run) => String(numberOf(run.path)) === wanted || run.path.split('/').at(-1) === wanted);
}

export const runs = {
  'actions/list-workflow-runs-for-repo': (context) =>
    listed(context, 'workflow_runs', filtered(context.repository.runs, context.query), (run) => shownRun(context, run)),

  'actions/list-workflow-runs'(context) {
    const own = ofWorkflow(context.repository, context.params.workflow_id);
    return listed(context, 'workflow_runs', filtered(own, context.query), (run) => shownRun(context, run));
  },

  'actions/get-workflow'({ repository, params, shapes }) {
    const [run] = ofWorkflow(repository, params.workflow_id);
    return run ? { status: 200, body: shapes.workflow(repository, run.path, run.name) } : NOT_FOUND;
  },

  'actions/get-workflow-run'(context) {
    const run = runOf(context);
    return run ? { status: 200, body: shownRun(context, run) } : NOT_FOUND;
  },

  'actions/get-workflow-run-attempt'(context) {
    const run = runOf(context);
    const attempt = Number(context.params.attempt_number);
    if (run === undefined || attempt > run.run_attempt) return NOT_FOUND;
    return { status: 200, body: shownRun(context, { ...run, run_attempt: attempt }) };
  },

  'actions/list-jobs-for-workflow-run-attempt'(context) {
    const run = runOf(context);
    const attempt = Number(context.params.attempt_number);
    if (run === undefined || attempt > run.run_attempt) return NOT_FOUND;
    return jobs(context, run, (job) => job.run_attempt === attempt);
  },

  'actions/list-jobs-for-workflow-run'(context) {
    const run = runOf(context);
    if (run === undefined) return NOT_FOUND;
    return jobs(context, run, (job) => context.query.filter === 'all' || job.run_attempt === run.run_attempt);
  },

  'actions/get-job-for-workflow-run'(context) {
    const job = jobOf(context);
    return job ? { status: 200, body: context.shapes.job(context.repository, job) } : NOT_FOUND;
  },

  'actions/download-job-logs-for-workflow-run'(context) {
    const job = jobOf(context);
    return job ? { status: 302, headers: { location: context.store(Buffer.from(job.log), 'text/plain; charset=utf-8') } } : NOT_FOUND;
  },
};

function jobs(context, run, wanted) {
  const own = context.repository.jobs.filter((job) => job.run_id === run.id && wanted(job));
  return listed(context, 'jobs', own, (job) => context.shapes.job(context.repository, job));
}

function shownArtifact({ shapes, repository }, artifact) {
  return shapes.artifact(repository, artifact, repository.runs.find((run) => run.id === artifact.run_id));
}

export const artifacts = {
  'actions/list-workflow-run-artifacts'(context) {
    const run = runOf(context);
    if (run === undefined) return NOT_FOUND;
    const { repository, query } = context;
    const own = repository.artifacts.filter((a) => a.run_id === run.id && (query.name === undefined || a.name === query.name));
    return listed(context, 'artifacts', own, (artifact) => shownArtifact(context, artifact));
  },

  'actions/get-artifact'(context) {
    const artifact = artifactOf(context);
    return artifact ? { status: 200, body: shownArtifact(context, artifact) } : NOT_FOUND;
  },

  'actions/download-artifact'(context) {
    const artifact = artifactOf(context);
    if (artifact === undefined || context.params.archive_format !== 'zip') return NOT_FOUND;
    if (artifact.expired) return problem(410, 'Artifact has expired');
    return { status: 302, headers: { location: context.store(artifact.bytes, 'application/zip') } };
  },
};

function wrongAnnotation(annotation) {
  const field = Buffer.byteLength(annotation.message) > MOST_MESSAGE_BYTES ? 'message'
    : Buffer.byteLength(annotation.raw_details ?? '') > MOST_MESSAGE_BYTES ? 'raw_details'
    : [...(annotation.title ?? '')].length > MOST_TITLE_CHARACTERS ? 'title'
    : annotation.start_line < 1 ? 'start_line'
    : annotation.end_line < annotation.start_line ? 'end_line'
    // Columns only where both ends are on one line.
    : annotation.start_line !== annotation.end_line && annotation.start_column !== undefined ? 'start_column'
    : undefined;
  return field === undefined ? undefined : problem(422, 'Invalid request.', [{ resource: 'CheckAnnotation', code: 'invalid', field }]);
}

function checkOver({ state }, check, body) {
  const { output, ...rest } = body;
  const annotations = output?.annotations ?? [];
  const refused = annotations.map(wrongAnnotation).find((one) => one !== undefined);
  if (refused) return refused;
  for (const key of ['name', 'status', 'conclusion', 'details_url', 'external_id', 'started_at', 'completed_at']) {
    if (rest[key] !== undefined) check[key] = rest[key];
  }
  // A conclusion makes it completed, whatever the status says.
  if (check.conclusion !== null) Object.assign(check, { status: 'completed', completed_at: check.completed_at ?? state.now() });
  if (output !== undefined) {
    const { annotations: added, images, ...said } = output;
    check.output = { ...check.output, ...said };
  }
  // They are added to those that are there.
  check.annotations.push(...annotations);
  return undefined;
}

export const checks = {
  'checks/create'(context) {
    const { state, repository, shapes, body } = context;
    const empty = { conclusion: null, external_id: '', details_url: null, started_at: state.now(), completed_at: null };
    const check = { id: state.id(), head_sha: body.head_sha, status: 'queued', ...empty, output: {}, annotations: [] };
    const refused = checkOver(context, check, body);
    if (refused) return refused;
    repository.checks.push(check);
    return { status: 201, body: shapes.check(repository, check) };
  },

  'checks/update'(context) {
    const { repository, shapes, body } = context;
    const check = checkOf(context);
    if (check === undefined) return NOT_FOUND;
    return checkOver(context, check, body) ?? { status: 200, body: shapes.check(repository, check) };
  },

  'checks/get'(context) {
    const check = checkOf(context);
    return check ? { status: 200, body: context.shapes.check(context.repository, check) } : NOT_FOUND;
  },

  'checks/list-annotations'(context) {
    const { shapes, repository } = context;
    const check = checkOf(context);
    if (check === undefined) return NOT_FOUND;
    const { items, headers } = page(check.annotations, context);
    const blob = (path) => `https://github.com/${repository.full_name}/blob/${check.head_sha}/${path}`;
    return { status: 200, headers, body: items.map((a) => shapes.annotation(a, blob(a.path))) };
  },

  'checks/list-for-ref'(context) {
    const { repository, shapes, params, query } = context;
    const own = repository.checks.filter((c) => c.head_sha === params.ref && (query.check_name === undefined || c.name === query.check_name));
    return listed(context, 'check_runs', own, (check) => shapes.check(repository, check));
  },
};
