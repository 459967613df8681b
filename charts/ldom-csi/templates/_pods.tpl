{{/* What containers share. */}}

{{/* Of every container that needs no privilege at all. */}}
{{- define "ldom-csi.unprivileged" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* A sidecar of the controller. Arguments: root, name, sidecar, args. */}}
{{- define "ldom-csi.sidecar" -}}
{{- $sidecars := .root.Values.sidecars -}}
- name: {{ .name }}
  image: {{ .sidecar.image }}
  imagePullPolicy: {{ $sidecars.pullPolicy }}
  args:
    - --csi-address=/run/csi/csi.sock
    - --v={{ $sidecars.logLevel }}
    - --kube-api-qps={{ $sidecars.kubeApiQps }}
    - --kube-api-burst={{ $sidecars.kubeApiBurst }}
    - --retry-interval-start={{ $sidecars.retryIntervalStart }}
    - --retry-interval-max={{ $sidecars.retryIntervalMax }}
    {{- range concat .args .sidecar.extraArgs }}
    - {{ . }}
    {{- end }}
  {{- with .env }}
  env:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "ldom-csi.unprivileged" . | nindent 4 }}
  resources:
    {{- toYaml .sidecar.resources | nindent 4 }}
  volumeMounts:
    - { name: socket, mountPath: /run/csi }
{{- end -}}

{{- define "ldom-csi.fromField" -}}
- name: {{ .name }}
  valueFrom:
    fieldRef:
      fieldPath: {{ .field }}
{{- end -}}

{{/* A file and the keys that it leads to. Arguments: configMap (its name), secrets (JSON). */}}
{{- define "ldom-csi.projected" -}}
# 0440: the pod's group reads, nobody else.
defaultMode: 288
sources:
  - configMap:
      name: {{ .configMap }}
  {{- range $secret, $keys := .secrets | fromJson }}
  - secret:
      name: {{ $secret }}
      items:
        {{- range $keys }}
        - { key: {{ . }}, path: ssh/{{ $secret }}/{{ . }} }
        {{- end }}
  {{- end }}
{{- end -}}
