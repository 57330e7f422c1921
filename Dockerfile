# One image for every service: `docker build -t millrace .`; the command chooses the service, e.g. node apps/lead/dist/main.js.
# tools/image-check.ts follows these lines without a container engine; keep to COPY, RUN, ENV and WORKDIR.
FROM node:24-slim AS build
WORKDIR /millrace
ENV NX_DAEMON=false
COPY package.json package-lock.json .npmrc nx.json tsconfig.base.json .swcrc ./
COPY libs ./libs
COPY apps ./apps
RUN npm ci --ignore-scripts
RUN npx nx run-many -t build --outputStyle=static
RUN npm prune --omit=dev --ignore-scripts && rm -rf .nx apps/journeys libs/testing apps/*/src libs/*/src

FROM node:24-slim
ENV NODE_ENV=production NODE_OPTIONS=--max-semi-space-size=8 PORT=8080
WORKDIR /millrace
COPY --from=build /millrace ./
# Where the account service keeps files: a volume takes its rights from here.
RUN install -d -m 1777 files
USER node
EXPOSE 8080
CMD ["node", "apps/gateway/dist/main.js"]
