import type { Caller } from './caller.ts';

export interface Page {
  readonly page: number;
  readonly perPage: number;
}

/**
 * The headers of a paged response (Tracker contract, section 0): totals, and links to other pages. Each link has a header line
 * of its own, since clients parse a line as one link.
 */
export function pagingHeaders(
  caller: Caller,
  { page, perPage }: Page,
  total: number,
): Record<string, string | string[]> {
  const pages = Math.max(1, Math.ceil(total / perPage));
  const link = (number: number, rel: string) => {
    const url = new URL(caller.url);
    url.searchParams.set('perPage', String(perPage));
    url.searchParams.set('page', String(number));
    return `<${url.href}>; rel="${rel}"`;
  };
  const links = [
    link(1, 'first'),
    ...(page > 1 ? [link(Math.min(page - 1, pages), 'prev')] : []),
    ...(page < pages ? [link(page + 1, 'next')] : []),
    link(pages, 'last'),
  ];
  return { 'X-Total-Count': String(total), 'X-Total-Pages': String(pages), Link: links };
}

/** The headers of a page that starts after a given item: links to the first page and, after the item `next`, to the next. */
export function cursorHeaders(
  { url }: Caller,
  perPage: number,
  { next, total }: { readonly next: number | undefined; readonly total?: number },
): Record<string, string | string[]> {
  const link = (id: number | undefined, rel: string) => {
    const page = new URL(url);
    page.searchParams.set('perPage', String(perPage));
    if (id === undefined) page.searchParams.delete('id');
    else page.searchParams.set('id', String(id));
    return `<${page.href}>; rel="${rel}"`;
  };
  return {
    ...(total !== undefined && {
      'X-Total-Count': String(total),
      'X-Total-Pages': String(Math.max(1, Math.ceil(total / perPage))),
    }),
    Link: [link(undefined, 'first'), ...(next === undefined ? [] : [link(next, 'next')])],
  };
}

/** The requested page. Validation has filled in the contract's defaults, which the generated types cannot express. */
export function pageOf(query: Partial<Page>): Page {
  const { page, perPage } = query as Page;
  return { page, perPage };
}
