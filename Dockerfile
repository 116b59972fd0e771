# The server only. The database runs in another container, so the image omits the embedded PostgreSQL.

FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=optional
COPY tsconfig.json tsconfig.build.json openapi.yaml openapi-kanboard.yaml openrpc.yaml ./
COPY scripts ./scripts
COPY src ./src
RUN npm run build

FROM node:22-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional

FROM node:22-bookworm-slim
ENV NODE_ENV=production
# Inside the container; published ports determine what is reachable from outside.
ENV HOST=0.0.0.0
WORKDIR /app
RUN ln -s /app/bin/issue-links.js /usr/local/bin/issue-links
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist/bundle ./dist/bundle
COPY --from=build /app/dist/contract/*.json ./dist/contract/
COPY --from=build /app/dist/swagger-ui ./dist/swagger-ui
COPY bin ./bin
COPY db ./db
COPY docs ./docs
COPY llms.txt openapi.yaml openrpc.yaml package.json LICENSE NOTICE ./
USER node
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8080}/readyz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "bin/issue-links.js", "serve"]
