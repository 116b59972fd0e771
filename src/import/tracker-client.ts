import type { Source, SourceRequest, SourceResponse } from './source.ts';

/** A reference to an object, or the object itself. */
export interface Entity {
  readonly id: string | number;
  readonly key?: string;
  readonly display?: string;
  readonly [member: string]: unknown;
}

const PAGE = 100;
/** The original returns no page beyond so many results; a scroll does, but its pages cannot be requested again later. */
const PAGED_RESULTS_MAX = 10_000;
const SCROLL = 'scrollType=unsorted&perScroll=1000&scrollTTLMillis=600000';

/** Requests to a Tracker's REST API, page by page. */
export class TrackerClient {
  readonly #source: Source;

  constructor(source: Source) {
    this.#source = source;
  }

  async send(request: SourceRequest): Promise<SourceResponse> {
    return await this.#source.send(request);
  }

  /** The pages of a list, by their Link headers. */
  async *pages(path: string, options: Partial<SourceRequest> = {}): AsyncGenerator<Entity[]> {
    for (let next: string | undefined = `${path}?perPage=${PAGE}&page=1`; next !== undefined; ) {
      const { body, headers } = await this.send({ ...options, path: next });
      if (!Array.isArray(body)) return;
      yield body as Entity[];
      const [, url] = /<([^>]*)>;\s*rel="?next"?/.exec(headers['link'] ?? '') ?? [];
      next = url === undefined || body.length === 0 ? undefined : `${path}${new URL(url, 'http://host').search}`;
    }
  }

  async *issuesOf(queue: string): AsyncGenerator<Entity[]> {
    const body = { filter: { queue }, order: '+key' };
    for (let page = 1, read = 0; ; page += 1) {
      const response = await this.send({ method: 'POST', path: `/issues/_search?perPage=${PAGE}&page=${page}`, body });
      const issues = response.body as Entity[];
      const total = Number(response.headers['x-total-count'] ?? Number.NaN);
      if (total > PAGED_RESULTS_MAX) {
        yield* this.#scroll(queue);
        return;
      }
      yield issues;
      read += issues.length;
      // Without a total, the last page is the one that is not full.
      if (issues.length === 0 || (Number.isNaN(total) ? issues.length < PAGE : read >= total)) return;
      if (page * PAGE >= PAGED_RESULTS_MAX) {
        yield* this.#scroll(queue);
        return;
      }
    }
  }

  async *#scroll(queue: string): AsyncGenerator<Entity[]> {
    for (let next = SCROLL; ; ) {
      const { body, headers } = await this.send({
        method: 'POST',
        path: `/issues/_search?${next}`,
        body: { filter: { queue } },
      });
      yield body as Entity[];
      const { 'x-scroll-id': id, 'x-scroll-token': token } = headers;
      if (id === undefined || (body as Entity[]).length === 0) return;
      next = new URLSearchParams({ scrollId: id, ...(token && { scrollToken: token }) }).toString();
    }
  }
}
