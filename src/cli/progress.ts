const WIDTH = 30;
const INTERVAL_MS = 100;

/** A progress bar on standard error, if that is a terminal. */
export interface Progress {
  /** Without `onProgress` if there is no terminal, so that nothing is counted in vain. */
  readonly callbacks: { readonly onProgress?: (done: number, total: number) => void };
  /** Removes the bar. */
  end(): void;
}

export function showProgress(unit: string): Progress {
  const { stderr } = process;
  if (!stderr.isTTY) return { callbacks: {}, end: () => undefined };
  let shownAt = -Infinity;
  return {
    callbacks: {
      onProgress(done, total) {
        if (performance.now() - shownAt < INTERVAL_MS) return;
        shownAt = performance.now();
        const share = total > 0 ? Math.min(done / total, 1) : 1;
        const bar = '█'.repeat(Math.round(share * WIDTH)).padEnd(WIDTH, '░');
        stderr.write(`\r${bar} ${Math.floor(share * 100)} % of ${total.toLocaleString('en')} ${unit}\u001B[K`);
      },
    },
    end() {
      stderr.write('\r\u001B[K');
    },
  };
}
