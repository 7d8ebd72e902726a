/* Made by Scripts/generate. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "gkick/v1/job.pb-c.h"
#include "gkick/v1/job_service.pb-c.h"
#include "gkick/v1/worker_service.pb-c.h"
#include "gkick/v1/admin_service.pb-c.h"

/* The serialized google.protobuf.FileDescriptorSet of everything here, imports included; static memory. */
const uint8_t *gkick_protos_descriptor_set(void);
size_t gkick_protos_descriptor_set_size(void);
