import type { Caller } from './caller.ts';

export interface Page {
  readonly page: number;
  readonly perPage: number;
}

/** The headers of a paged response (Tracker contract, section 0): totals, and links to other pages. */
export function pagingHeaders(caller: Caller, { page, perPage }: Page, total: number): Record<string, string> {
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
  return { 'X-Total-Count': String(total), 'X-Total-Pages': String(pages), Link: links.join(', ') };
}

/** The requested page. Validation has filled in the contract's defaults, which the generated types cannot express. */
export function pageOf(query: Partial<Page>): Page {
  const { page, perPage } = query as Page;
  return { page, perPage };
}
