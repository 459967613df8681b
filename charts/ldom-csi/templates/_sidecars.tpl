{{/*
The sidecars of the controller. None elects a leader: the driver's Lease decides. Without it `Probe`
is not ready, and each sidecar waits. When the driver ends, each ends with its connection.
*/}}
{{- define "ldom-csi.sidecars" -}}
{{- $sidecars := .Values.sidecars -}}
{{- $provisioner := $sidecars.provisioner -}}
{{- if eq $provisioner.defaultFsType "ufs" -}}
{{- include "ldom-csi.needSolaris" (dict "root" . "says" "sidecars.provisioner.defaultFsType is ufs") -}}
{{- end -}}
{{- include "ldom-csi.sidecar" (dict "root" . "name" "csi-provisioner" "sidecar" $provisioner
  "args" (list
    (printf "--timeout=%s" $provisioner.timeout)
    (printf "--worker-threads=%v" $provisioner.workerThreads)
    (printf "--default-fstype=%s" $provisioner.defaultFsType)
    "--extra-create-metadata"
    "--feature-gates=Topology=true"
    "--strict-topology"
    "--enable-capacity"
    "--capacity-ownerref-level=2"
    (printf "--capacity-poll-interval=%s" $provisioner.capacityPollInterval))
  "env" (list
    (dict "name" "POD_NAME" "valueFrom" (dict "fieldRef" (dict "fieldPath" "metadata.name")))
    (dict "name" "NAMESPACE" "valueFrom" (dict "fieldRef" (dict "fieldPath" "metadata.namespace"))))) }}
{{ $attacher := $sidecars.attacher -}}
{{- include "ldom-csi.sidecar" (dict "root" . "name" "csi-attacher" "sidecar" $attacher
  "args" (list
    (printf "--timeout=%s" $attacher.timeout)
    (printf "--worker-threads=%v" $attacher.workerThreads)
    (printf "--reconcile-sync=%s" $attacher.reconcileSync))) }}
{{ $resizer := $sidecars.resizer -}}
{{- include "ldom-csi.sidecar" (dict "root" . "name" "csi-resizer" "sidecar" $resizer
  "args" (list
    (printf "--resize-timeout=%s" $resizer.timeout)
    (printf "--modify-timeout=%s" $resizer.timeout)
    (printf "--workers=%v" $resizer.workerThreads))) }}
{{- if $sidecars.snapshotter.enabled }}
{{ $snapshotter := $sidecars.snapshotter -}}
{{- include "ldom-csi.sidecar" (dict "root" . "name" "csi-snapshotter" "sidecar" $snapshotter
  "args" (list
    (printf "--timeout=%s" $snapshotter.timeout)
    (printf "--worker-threads=%v" $snapshotter.workerThreads)
    "--extra-create-metadata"
    (printf "--feature-gates=CSIVolumeGroupSnapshot=%t" $snapshotter.groupSnapshots))) }}
{{- end }}
{{- end -}}
