# One role per service account. A server downloads its version from MLflow, so that its account
# needs the bucket only to ship the prediction log, to which it only adds.
locals {
  store     = "${aws_s3_bucket.store.arn}/${var.store_prefix}"
  artifacts = "${aws_s3_bucket.store.arn}/${var.artifacts_prefix}"

  whole_store = {
    objects = ["${local.store}/*"]
    actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    lists   = true
  }

  roles = {
    slipway-stages  = merge(local.whole_store, { namespace = var.namespaces.stages })
    slipway-rollout = merge(local.whole_store, { namespace = var.namespaces.stages })
    slipway-airflow = merge(local.whole_store, { namespace = var.namespaces.control })
    slipway-mlflow = merge(local.whole_store, {
      namespace = var.namespaces.control
      objects   = ["${local.artifacts}/*"]
    })
    slipway-server = {
      namespace = var.namespaces.serving
      objects   = ["${local.store}/predictions/*", "${local.store}/probes/*"]
      actions   = ["s3:PutObject", "s3:AbortMultipartUpload"]
      lists     = false
    }
  }

  oidc_issuer = var.oidc_provider_arn == null ? "" : split(":oidc-provider/", var.oidc_provider_arn)[1]
}

data "aws_iam_policy_document" "trust" {
  for_each = local.roles

  dynamic "statement" {
    for_each = var.cluster_name == null ? [] : [var.cluster_name]

    content {
      actions = ["sts:AssumeRole", "sts:TagSession"]

      principals {
        type        = "Service"
        identifiers = ["pods.eks.amazonaws.com"]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [data.aws_caller_identity.current.account_id]
      }
    }
  }

  dynamic "statement" {
    for_each = var.oidc_provider_arn == null ? [] : [var.oidc_provider_arn]

    content {
      actions = ["sts:AssumeRoleWithWebIdentity"]

      principals {
        type        = "Federated"
        identifiers = [statement.value]
      }

      condition {
        test     = "StringEquals"
        variable = "${local.oidc_issuer}:sub"
        values   = ["system:serviceaccount:${each.value.namespace}:${each.key}"]
      }

      condition {
        test     = "StringEquals"
        variable = "${local.oidc_issuer}:aud"
        values   = ["sts.amazonaws.com"]
      }
    }
  }
}

data "aws_iam_policy_document" "store" {
  for_each = local.roles

  statement {
    sid       = "Objects"
    actions   = each.value.actions
    resources = each.value.objects
  }

  # Of the whole bucket: under a condition on the prefix S3 answers 403 instead of 404 for an
  # object that is not there.
  dynamic "statement" {
    for_each = each.value.lists ? [aws_s3_bucket.store.arn] : []

    content {
      sid       = "List"
      actions   = ["s3:ListBucket"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "Key"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_role" "account" {
  for_each = local.roles

  name               = "${var.name}-${each.key}"
  description        = "Pods of ${each.value.namespace}/${each.key}"
  assume_role_policy = data.aws_iam_policy_document.trust[each.key].json
  tags               = var.tags
}

resource "aws_iam_role_policy" "store" {
  for_each = local.roles

  name   = "store"
  role   = aws_iam_role.account[each.key].id
  policy = data.aws_iam_policy_document.store[each.key].json
}

resource "aws_eks_pod_identity_association" "account" {
  for_each = { for account, rights in local.roles : account => rights if var.cluster_name != null }

  cluster_name    = var.cluster_name
  namespace       = each.value.namespace
  service_account = each.key
  role_arn        = aws_iam_role.account[each.key].arn
  tags            = var.tags
}
