// Turns the results of the rounds into medians and ratios.
import { availableParallelism, cpus } from 'node:os';

const FIGURES = ['requestsPerSecond', 'p50Ms', 'p99Ms', 'serverCpuUs', 'postgresCpuUs'];
/** Ratios of throughput: name, ours, theirs. */
const RATIOS = [
  ['linksVsPgbench', 'links', 'pgbench'],
  ['linksVsFastify', 'links', 'fastify'],
  ['linksVsExpressKnex', 'links', 'expressKnex'],
  ['linksVsBareNode', 'links', 'bareNode'],
  ['linksWorkersVsLinks', 'linksWorkers', 'links'],
  ['taskLinksVsLinks', 'taskLinks', 'links'],
  ['taskLinksVsKanboard', 'taskLinks', 'kanboard'],
  ['relatesVsInsert', 'relates', 'insert'],
  ['dependsVsRelates', 'depends', 'relates'],
  ['dependsConnectedVsRelates', 'dependsConnected', 'relates'],
];

export function reportOf({ profileName, contestants, rounds, scaling, hasWrk }) {
  const results = contestants.map(({ name, title, kind }) => {
    const own = rounds.map((round) => round[name]);
    // Ratios are taken within a round, since the machine may be busier in another.
    const ours = kind === 'read' ? 'links' : 'relates';
    const ratiosToOurs = figures((figure) =>
      median(rounds.map((round) => ratio(round[name][figure], round[ours]?.[figure]))),
    );
    return { name, title, kind, ...figures((figure) => median(own.map((result) => result[figure]))), ratiosToOurs };
  });
  const ratios = RATIOS.map(([name, one, other]) => {
    const values = rounds.map((round) => ratio(round[one]?.requestsPerSecond, round[other]?.requestsPerSecond));
    return [name, median(values)];
  });
  const bulkRounds = rounds.map(({ bulk }) => bulk).filter(Boolean);
  return {
    date: new Date().toISOString(),
    machine: { processor: cpus()[0]?.model, processors: availableParallelism(), node: process.version },
    profile: profileName,
    rounds: rounds.length,
    loadGenerator: hasWrk ? 'wrk' : 'autocannon',
    results,
    ratios: Object.fromEntries([
      ...ratios,
      ['linksP99VsP50', median(rounds.map(({ links }) => ratio(links?.p99Ms, links?.p50Ms)))],
      ['bulkVsGets', median(bulkRounds.map(({ bulkMs, getsMs }) => ratio(getsMs, bulkMs)))],
      ...Object.entries(scaling.ratios ?? {}),
    ]),
    ...(scaling.figures && { scaling: scaling.figures }),
  };
}

function figures(figureOf) {
  return Object.fromEntries(FIGURES.map((figure) => [figure, figureOf(figure)]));
}

function ratio(one, other) {
  return one === undefined || !other ? undefined : one / other;
}

/** The median, or null if nothing was measured, so that JSON shows the figure as missing. */
export function median(values) {
  const known = values.filter((value) => value !== undefined).sort((one, other) => one - other);
  return known.length === 0 ? null : known[Math.floor((known.length - 1) / 2)];
}
