// SPDX-License-Identifier: GPL-3.0-or-later
//
// How everything is going, and what has no result.
'use strict';

const every = 5000;  // ms

function facts(id, rows) {
  byId(id).replaceChildren(...rows.filter(([, value]) => value !== undefined && value !== null && value !== '')
    .flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, String(value))]));
}

function showArchive(status) {
  const progress = status.embedding_progress;
  byId('progress').hidden = !progress;
  if (progress) byId('progress').value = progress.share;
  const coverage = status.worker.coverage || {};
  facts('archive', [
    ['Known', coverage.instances],
    ['With a result', coverage.with_result],
    ['Without, for a reason', coverage.given_up],
    ['Still to do', progress ? progress.remaining : undefined],
    ['Search', (status.worker.indexes || []).filter((index) => index.serving)
      .map((index) => `${index.rows} images, model ${index.model_id.slice(0, 12)}`).join(', ')]]);
}

function showModel(status) {
  const model = status.worker.model;
  if (!model) return facts('model', [['Active', 'none'], ['Why', status.worker.trouble]]);
  facts('model', [['Active', model.model_id.slice(0, 12)], ['Precision', model.precision], ['Computed by', model.backend],
    ['Image', `${model.image_size} x ${model.image_size} pixels`], ['Embedding', `${model.embedding_size} numbers`],
    ['Findings', model.labels.length ? model.labels.length : 'none: no trained head']]);
}

function showOrthanc(status) {
  const follower = status.follower || {}, feeder = status.feeder || {}, process = status.worker_process;
  facts('orthanc', [['Versions', `chexworld ${status.version}, Orthanc ${status.orthanc}`],
    ['Change log', follower.trouble ? `waits: ${follower.trouble}` : `read to ${follower.cursor} of ${follower.last_change}`],
    ['Backfill', follower.backfilling ? `under way, ${follower.backfill_queued} queued` : ''],
    ['Since the start', `${feeder.embedded} embedded, ${feeder.skipped} skipped, ${feeder.refused} refused`],
    ['Worker restarts', process ? process.restarts : 'worker elsewhere']]);
}

function failureRow(failure) {
  const again = element('button', { type: 'button' }, 'Try again');
  again.addEventListener('click', async () => {
    again.disabled = true;
    await ask(`chexworld/failures/${failure.id}/retry`, { method: 'POST', body: '{}' }).catch(() => null);
    refresh();
  });
  const id = failure.location.instance_id;
  return element('tr', {},
    element('td', {}, element('a', { href: `${root}app/explorer.html#instance?uuid=${encodeURIComponent(id)}` }, id.slice(0, 17))),
    element('td', {}, failure.state), element('td', {}, `${failure.reason_code}: ${failure.reason}`),
    element('td', {}, String(failure.attempts)), element('td', {}, failure.failed_at.replace('T', ' ').replace('Z', '')),
    element('td', {}, again));
}

async function showFailures() {
  try {
    const { failures } = await ask('chexworld/failures?limit=100');
    byId('failures').hidden = failures.length === 0;
    byId('failures').tBodies[0].replaceChildren(...failures.map(failureRow));
    byId('failures-words').textContent = failures.length === 0 ? 'Nothing.' : failures.length === 100 ? 'The newest 100 are shown.' : '';
  } catch (error) {
    byId('failures').hidden = true;
    byId('failures-words').textContent = error.status === 503 ? 'Not known while the worker is down.' : sentence(error.message);
  }
}

async function refresh() {
  const status = await showState();
  const down = !status || status.worker.state === 'down';
  byId('notice').hidden = !down;
  byId('notice').textContent = status ? `The worker is down. ${sentence(status.worker.trouble || '')} What arrives waits in Orthanc and is taken care of afterwards.` : '';
  if (status) {
    showArchive(status);
    showModel(status);
    showOrthanc(status);
  }
  await showFailures();
}

refresh();
setInterval(refresh, every);
