const COLUMNS = [
  ['requests/s', 'requestsPerSecond'],
  ['p50 ms', 'p50Ms'],
  ['p99 ms', 'p99Ms'],
  ['server CPU µs', 'serverCpuUs'],
  ['PostgreSQL CPU µs', 'postgresCpuUs'],
];

/** The report as Markdown. In parentheses: the figure relative to ours, GET links or POST relates. */
export function tableOf({ machine, date, profile, loadGenerator, results, ratios, scaling = {} }) {
  const rows = results.map((result) => [
    result.title,
    ...COLUMNS.map(([, figure]) => withRatio(result[figure], result.ratiosToOurs[figure])),
  ]);
  return [
    `${machine.processors} × ${machine.processor}, Node ${machine.node}, ${loadGenerator}, ${date.slice(0, 10)}, ${profile}`,
    '',
    ...markdown([['contestant', ...COLUMNS.map(([title]) => title)], ...rows]),
    '',
    ...markdown([['ratio', 'value'], ...Object.entries(ratios).map(([name, value]) => [name, number(value)])]),
    ...Object.entries(scaling).flatMap(([title, entries]) => [
      '',
      ...markdown([[title, ''], ...Object.entries(entries)]),
    ]),
    '',
  ].join('\n');
}

function markdown([head, ...rows]) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(line)];
}

function withRatio(value, relative) {
  if (value === null) return '';
  return relative === null ? number(value) : `${number(value)} (${number(relative)})`;
}

function number(value) {
  if (value === null) return 'not measured';
  return value >= 99.5 ? String(Math.round(value)) : value.toPrecision(2);
}
