# Build with the compiler, run without it: the image has neither dev dependencies nor npm's cache.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
# The only place that is written to: the database, its secret, and the users file unless you mount your own.
RUN ln -s /app/dist/cli.js /usr/local/bin/sallyport \
 && mkdir -p /etc/sallyport /var/lib/sallyport \
 && chown node:node /var/lib/sallyport
USER node
WORKDIR /var/lib/sallyport
VOLUME /var/lib/sallyport
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/_auth/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["sallyport"]
CMD ["start"]
