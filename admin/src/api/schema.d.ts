// Printed from the schema by `npm run schema:print`.
export type introspection_types = {
  Account: {
    kind: 'OBJECT'
    name: 'Account'
    fields: {
      currency: { name: 'currency'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
      id: { name: 'id'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'ID'; ofType: null } } }
      name: { name: 'name'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
      pricesIncludeTax: {
        name: 'pricesIncludeTax'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Boolean'; ofType: null } }
      }
      slug: { name: 'slug'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
    }
  }
  AcknowledgePayload: {
    kind: 'OBJECT'
    name: 'AcknowledgePayload'
    fields: {
      stream: { name: 'stream'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'StreamStatus'; ofType: null } } }
    }
  }
  AdjustStockInput: {
    kind: 'INPUT_OBJECT'
    name: 'AdjustStockInput'
    isOneOf: false
    inputFields: [
      { name: 'delta'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } }; defaultValue: null },
      { name: 'location'; type: { kind: 'SCALAR'; name: 'String'; ofType: null }; defaultValue: '"default"' },
      {
        name: 'sku'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } }
        defaultValue: null
      },
    ]
  }
  ApiKey: {
    kind: 'OBJECT'
    name: 'ApiKey'
    fields: {
      createdAt: { name: 'createdAt'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'DateTime'; ofType: null } } }
      expiresAt: { name: 'expiresAt'; type: { kind: 'SCALAR'; name: 'DateTime'; ofType: null } }
      id: { name: 'id'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'ID'; ofType: null } } }
      lastUsedAt: { name: 'lastUsedAt'; type: { kind: 'SCALAR'; name: 'DateTime'; ofType: null } }
      prefix: { name: 'prefix'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
      revokedAt: { name: 'revokedAt'; type: { kind: 'SCALAR'; name: 'DateTime'; ofType: null } }
    }
  }
  BigInt: unknown
  Boolean: unknown
  CancelResendPayload: {
    kind: 'OBJECT'
    name: 'CancelResendPayload'
    fields: {
      resend: { name: 'resend'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'Resend'; ofType: null } } }
    }
  }
  ChangeKind: { name: 'ChangeKind'; enumValues: 'REMOVE' | 'UPSERT' }
  CreateApiKeyPayload: {
    kind: 'OBJECT'
    name: 'CreateApiKeyPayload'
    fields: {
      apiKey: { name: 'apiKey'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'ApiKey'; ofType: null } } }
      secret: { name: 'secret'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
    }
  }
  CreateSyncViewInput: {
    kind: 'INPUT_OBJECT'
    name: 'CreateSyncViewInput'
    isOneOf: false
    inputFields: [
      { name: 'autoLink'; type: { kind: 'SCALAR'; name: 'Boolean'; ofType: null }; defaultValue: 'false' },
      { name: 'doorbellUrl'; type: { kind: 'SCALAR'; name: 'String'; ofType: null }; defaultValue: null },
      {
        name: 'name'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } }
        defaultValue: null
      },
      { name: 'orderScope'; type: { kind: 'ENUM'; name: 'OrderScope'; ofType: null }; defaultValue: 'OWN' },
      { name: 'system'; type: { kind: 'SCALAR'; name: 'String'; ofType: null }; defaultValue: null },
    ]
  }
  CreateSyncViewPayload: {
    kind: 'OBJECT'
    name: 'CreateSyncViewPayload'
    fields: {
      doorbellSecret: { name: 'doorbellSecret'; type: { kind: 'SCALAR'; name: 'String'; ofType: null } }
      syncView: { name: 'syncView'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'SyncView'; ofType: null } } }
    }
  }
  CreateUserInput: {
    kind: 'INPUT_OBJECT'
    name: 'CreateUserInput'
    isOneOf: false
    inputFields: [
      {
        name: 'kind'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'ENUM'; name: 'UserKind'; ofType: null } }
        defaultValue: null
      },
      {
        name: 'name'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } }
        defaultValue: null
      },
    ]
  }
  CreateUserPayload: {
    kind: 'OBJECT'
    name: 'CreateUserPayload'
    fields: { user: { name: 'user'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'User'; ofType: null } } } }
  }
  Cursor: unknown
  DateTime: unknown
  Decimal: unknown
  DeleteProductsPayload: {
    kind: 'OBJECT'
    name: 'DeleteProductsPayload'
    fields: {
      deletedCount: { name: 'deletedCount'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } } }
    }
  }
  DeleteSyncViewPayload: {
    kind: 'OBJECT'
    name: 'DeleteSyncViewPayload'
    fields: {
      deletedId: { name: 'deletedId'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'ID'; ofType: null } } }
    }
  }
  DeleteUserPayload: {
    kind: 'OBJECT'
    name: 'DeleteUserPayload'
    fields: {
      deletedId: { name: 'deletedId'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'ID'; ofType: null } } }
    }
  }
  Float: unknown
  ID: unknown
  Int: unknown
  Lane: { name: 'Lane'; enumValues: 'LIVE' | 'RESEND' }
  Link: {
    kind: 'OBJECT'
    name: 'Link'
    fields: {
      externalId: { name: 'externalId'; type: { kind: 'SCALAR'; name: 'String'; ofType: null } }
      id: { name: 'id'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'ID'; ofType: null } } }
      product: { name: 'product'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'Product'; ofType: null } } }
      rejection: { name: 'rejection'; type: { kind: 'OBJECT'; name: 'Rejection'; ofType: null } }
      state: { name: 'state'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'ENUM'; name: 'LinkState'; ofType: null } } }
      syncView: { name: 'syncView'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'SyncView'; ofType: null } } }
    }
  }
  LinkConnection: {
    kind: 'OBJECT'
    name: 'LinkConnection'
    fields: {
      edges: {
        name: 'edges'
        type: {
          kind: 'NON_NULL'
          name: never
          ofType: {
            kind: 'LIST'
            name: never
            ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'LinkEdge'; ofType: null } }
          }
        }
      }
      nodes: {
        name: 'nodes'
        type: {
          kind: 'NON_NULL'
          name: never
          ofType: {
            kind: 'LIST'
            name: never
            ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'Link'; ofType: null } }
          }
        }
      }
      pageInfo: { name: 'pageInfo'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'PageInfo'; ofType: null } } }
      totalCount: { name: 'totalCount'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } } }
    }
  }
  LinkEdge: {
    kind: 'OBJECT'
    name: 'LinkEdge'
    fields: {
      cursor: { name: 'cursor'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
      node: { name: 'node'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'Link'; ofType: null } } }
    }
  }
  LinkProductsPayload: {
    kind: 'OBJECT'
    name: 'LinkProductsPayload'
    fields: {
      linksCreated: { name: 'linksCreated'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } } }
    }
  }
  LinkState: { name: 'LinkState'; enumValues: 'IN_SYNC' | 'PENDING' | 'REJECTED' }
  Location: {
    kind: 'OBJECT'
    name: 'Location'
    fields: {
      code: { name: 'code'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
      id: { name: 'id'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'ID'; ofType: null } } }
      name: { name: 'name'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
    }
  }
  Money: {
    kind: 'OBJECT'
    name: 'Money'
    fields: {
      amount: { name: 'amount'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Decimal'; ofType: null } } }
      currency: { name: 'currency'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
    }
  }
  MoneyInput: {
    kind: 'INPUT_OBJECT'
    name: 'MoneyInput'
    isOneOf: false
    inputFields: [
      {
        name: 'amount'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Decimal'; ofType: null } }
        defaultValue: null
      },
      {
        name: 'currency'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } }
        defaultValue: null
      },
    ]
  }
  Mutation: {
    kind: 'OBJECT'
    name: 'Mutation'
    fields: {
      acknowledge: {
        name: 'acknowledge'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'AcknowledgePayload'; ofType: null } }
      }
      adjustStock: {
        name: 'adjustStock'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'StockPayload'; ofType: null } }
      }
      cancelResend: {
        name: 'cancelResend'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'CancelResendPayload'; ofType: null } }
      }
      createApiKey: {
        name: 'createApiKey'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'CreateApiKeyPayload'; ofType: null } }
      }
      createSyncView: {
        name: 'createSyncView'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'CreateSyncViewPayload'; ofType: null } }
      }
      createUser: {
        name: 'createUser'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'CreateUserPayload'; ofType: null } }
      }
      deleteProducts: {
        name: 'deleteProducts'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'DeleteProductsPayload'; ofType: null } }
      }
      deleteSyncView: {
        name: 'deleteSyncView'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'DeleteSyncViewPayload'; ofType: null } }
      }
      deleteUser: {
        name: 'deleteUser'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'DeleteUserPayload'; ofType: null } }
      }
      linkProducts: {
        name: 'linkProducts'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'LinkProductsPayload'; ofType: null } }
      }
      resendAllProducts: {
        name: 'resendAllProducts'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'UNION'; name: 'ResendAllProductsResult'; ofType: null } }
      }
      revokeApiKey: {
        name: 'revokeApiKey'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'RevokeApiKeyPayload'; ofType: null } }
      }
      rewind: {
        name: 'rewind'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'AcknowledgePayload'; ofType: null } }
      }
      setStock: {
        name: 'setStock'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'StockPayload'; ofType: null } }
      }
      unlinkProducts: {
        name: 'unlinkProducts'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'UnlinkProductsPayload'; ofType: null } }
      }
      updateSyncView: {
        name: 'updateSyncView'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'UpdateSyncViewPayload'; ofType: null } }
      }
      upsertProducts: {
        name: 'upsertProducts'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'UpsertProductsPayload'; ofType: null } }
      }
    }
  }
  Node: {
    kind: 'INTERFACE'
    name: 'Node'
    fields: { id: { name: 'id'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'ID'; ofType: null } } } }
    possibleTypes: 'Account' | 'ApiKey' | 'Link' | 'Location' | 'Product' | 'Resend' | 'StockLevel' | 'SyncView' | 'User' | 'Variant'
  }
  OptionInput: {
    kind: 'INPUT_OBJECT'
    name: 'OptionInput'
    isOneOf: false
    inputFields: [
      {
        name: 'name'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } }
        defaultValue: null
      },
      {
        name: 'value'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } }
        defaultValue: null
      },
    ]
  }
  OrderScope: { name: 'OrderScope'; enumValues: 'ALL' | 'OWN' }
  PageInfo: {
    kind: 'OBJECT'
    name: 'PageInfo'
    fields: {
      endCursor: { name: 'endCursor'; type: { kind: 'SCALAR'; name: 'String'; ofType: null } }
      hasNextPage: {
        name: 'hasNextPage'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Boolean'; ofType: null } }
      }
      hasPreviousPage: {
        name: 'hasPreviousPage'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Boolean'; ofType: null } }
      }
      startCursor: { name: 'startCursor'; type: { kind: 'SCALAR'; name: 'String'; ofType: null } }
    }
  }
  Product: {
    kind: 'OBJECT'
    name: 'Product'
    fields: {
      allowBackorder: {
        name: 'allowBackorder'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Boolean'; ofType: null } }
      }
      description: { name: 'description'; type: { kind: 'SCALAR'; name: 'String'; ofType: null } }
      handle: { name: 'handle'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
      id: { name: 'id'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'ID'; ofType: null } } }
      imageUrls: {
        name: 'imageUrls'
        type: {
          kind: 'NON_NULL'
          name: never
          ofType: {
            kind: 'LIST'
            name: never
            ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } }
          }
        }
      }
      links: { name: 'links'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'LinkConnection'; ofType: null } } }
      productType: { name: 'productType'; type: { kind: 'SCALAR'; name: 'String'; ofType: null } }
      revision: { name: 'revision'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'BigInt'; ofType: null } } }
      status: { name: 'status'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'ENUM'; name: 'ProductStatus'; ofType: null } } }
      tags: {
        name: 'tags'
        type: {
          kind: 'NON_NULL'
          name: never
          ofType: {
            kind: 'LIST'
            name: never
            ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } }
          }
        }
      }
      title: { name: 'title'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
      updatedAt: { name: 'updatedAt'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'DateTime'; ofType: null } } }
      variants: {
        name: 'variants'
        type: {
          kind: 'NON_NULL'
          name: never
          ofType: {
            kind: 'LIST'
            name: never
            ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'Variant'; ofType: null } }
          }
        }
      }
      vendor: { name: 'vendor'; type: { kind: 'SCALAR'; name: 'String'; ofType: null } }
    }
  }
  ProductBy: {
    kind: 'INPUT_OBJECT'
    name: 'ProductBy'
    isOneOf: true
    inputFields: [
      { name: 'handle'; type: { kind: 'SCALAR'; name: 'String'; ofType: null }; defaultValue: null },
      { name: 'id'; type: { kind: 'SCALAR'; name: 'ID'; ofType: null }; defaultValue: null },
      { name: 'sku'; type: { kind: 'SCALAR'; name: 'String'; ofType: null }; defaultValue: null },
    ]
  }
  ProductChange: {
    kind: 'OBJECT'
    name: 'ProductChange'
    fields: {
      externalId: { name: 'externalId'; type: { kind: 'SCALAR'; name: 'String'; ofType: null } }
      handle: { name: 'handle'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
      kind: { name: 'kind'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'ENUM'; name: 'ChangeKind'; ofType: null } } }
      lane: { name: 'lane'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'ENUM'; name: 'Lane'; ofType: null } } }
      product: { name: 'product'; type: { kind: 'OBJECT'; name: 'Product'; ofType: null } }
      productId: { name: 'productId'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'ID'; ofType: null } } }
      reason: { name: 'reason'; type: { kind: 'ENUM'; name: 'RemoveReason'; ofType: null } }
      revision: { name: 'revision'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'BigInt'; ofType: null } } }
    }
  }
  ProductChangeBatch: {
    kind: 'OBJECT'
    name: 'ProductChangeBatch'
    fields: {
      caughtUp: { name: 'caughtUp'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Boolean'; ofType: null } } }
      changes: {
        name: 'changes'
        type: {
          kind: 'NON_NULL'
          name: never
          ofType: {
            kind: 'LIST'
            name: never
            ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'ProductChange'; ofType: null } }
          }
        }
      }
      cursor: { name: 'cursor'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Cursor'; ofType: null } } }
      resendComplete: {
        name: 'resendComplete'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Boolean'; ofType: null } }
      }
      resendId: { name: 'resendId'; type: { kind: 'SCALAR'; name: 'ID'; ofType: null } }
    }
  }
  ProductConnection: {
    kind: 'OBJECT'
    name: 'ProductConnection'
    fields: {
      edges: {
        name: 'edges'
        type: {
          kind: 'NON_NULL'
          name: never
          ofType: {
            kind: 'LIST'
            name: never
            ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'ProductEdge'; ofType: null } }
          }
        }
      }
      nodes: {
        name: 'nodes'
        type: {
          kind: 'NON_NULL'
          name: never
          ofType: {
            kind: 'LIST'
            name: never
            ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'Product'; ofType: null } }
          }
        }
      }
      pageInfo: { name: 'pageInfo'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'PageInfo'; ofType: null } } }
      totalCount: { name: 'totalCount'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } } }
    }
  }
  ProductEdge: {
    kind: 'OBJECT'
    name: 'ProductEdge'
    fields: {
      cursor: { name: 'cursor'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
      node: { name: 'node'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'Product'; ofType: null } } }
    }
  }
  ProductInput: {
    kind: 'INPUT_OBJECT'
    name: 'ProductInput'
    isOneOf: false
    inputFields: [
      { name: 'allowBackorder'; type: { kind: 'SCALAR'; name: 'Boolean'; ofType: null }; defaultValue: null },
      { name: 'description'; type: { kind: 'SCALAR'; name: 'String'; ofType: null }; defaultValue: null },
      {
        name: 'handle'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } }
        defaultValue: null
      },
      { name: 'ifRevision'; type: { kind: 'SCALAR'; name: 'BigInt'; ofType: null }; defaultValue: null },
      {
        name: 'imageUrls'
        type: {
          kind: 'LIST'
          name: never
          ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } }
        }
        defaultValue: null
      },
      { name: 'productType'; type: { kind: 'SCALAR'; name: 'String'; ofType: null }; defaultValue: null },
      { name: 'status'; type: { kind: 'ENUM'; name: 'ProductStatus'; ofType: null }; defaultValue: null },
      {
        name: 'tags'
        type: {
          kind: 'LIST'
          name: never
          ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } }
        }
        defaultValue: null
      },
      { name: 'title'; type: { kind: 'SCALAR'; name: 'String'; ofType: null }; defaultValue: null },
      {
        name: 'variants'
        type: {
          kind: 'LIST'
          name: never
          ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'INPUT_OBJECT'; name: 'VariantInput'; ofType: null } }
        }
        defaultValue: null
      },
      { name: 'vendor'; type: { kind: 'SCALAR'; name: 'String'; ofType: null }; defaultValue: null },
    ]
  }
  ProductStatus: { name: 'ProductStatus'; enumValues: 'ACTIVE' | 'ARCHIVED' | 'DRAFT' }
  Query: {
    kind: 'OBJECT'
    name: 'Query'
    fields: {
      account: { name: 'account'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'Account'; ofType: null } } }
      links: { name: 'links'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'LinkConnection'; ofType: null } } }
      node: { name: 'node'; type: { kind: 'INTERFACE'; name: 'Node'; ofType: null } }
      product: { name: 'product'; type: { kind: 'OBJECT'; name: 'Product'; ofType: null } }
      productChanges: {
        name: 'productChanges'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'ProductChangeBatch'; ofType: null } }
      }
      products: {
        name: 'products'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'ProductConnection'; ofType: null } }
      }
      resendPlan: {
        name: 'resendPlan'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'ResendPlan'; ofType: null } }
      }
      stockChanges: {
        name: 'stockChanges'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'StockChangeBatch'; ofType: null } }
      }
      syncView: { name: 'syncView'; type: { kind: 'OBJECT'; name: 'SyncView'; ofType: null } }
      syncViews: {
        name: 'syncViews'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'SyncViewConnection'; ofType: null } }
      }
      users: { name: 'users'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'UserConnection'; ofType: null } } }
      viewer: { name: 'viewer'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'User'; ofType: null } } }
    }
  }
  Rejection: {
    kind: 'OBJECT'
    name: 'Rejection'
    fields: {
      at: { name: 'at'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'DateTime'; ofType: null } } }
      reason: { name: 'reason'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
      revision: { name: 'revision'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'BigInt'; ofType: null } } }
    }
  }
  RejectionGroup: {
    kind: 'OBJECT'
    name: 'RejectionGroup'
    fields: {
      count: { name: 'count'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } } }
      latestAt: { name: 'latestAt'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'DateTime'; ofType: null } } }
      reason: { name: 'reason'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
    }
  }
  RemoveReason: { name: 'RemoveReason'; enumValues: 'DELETED' | 'UNLINKED' }
  Resend: {
    kind: 'OBJECT'
    name: 'Resend'
    fields: {
      acknowledged: { name: 'acknowledged'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } } }
      cause: { name: 'cause'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'ENUM'; name: 'ResendCause'; ofType: null } } }
      estimatedCompletionAt: { name: 'estimatedCompletionAt'; type: { kind: 'SCALAR'; name: 'DateTime'; ofType: null } }
      finishedAt: { name: 'finishedAt'; type: { kind: 'SCALAR'; name: 'DateTime'; ofType: null } }
      id: { name: 'id'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'ID'; ofType: null } } }
      ratePerSecond: { name: 'ratePerSecond'; type: { kind: 'SCALAR'; name: 'Float'; ofType: null } }
      startedAt: { name: 'startedAt'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'DateTime'; ofType: null } } }
      startedBy: { name: 'startedBy'; type: { kind: 'OBJECT'; name: 'User'; ofType: null } }
      state: { name: 'state'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'ENUM'; name: 'ResendState'; ofType: null } } }
      total: { name: 'total'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } } }
    }
  }
  ResendAllProductsResult: {
    kind: 'UNION'
    name: 'ResendAllProductsResult'
    fields: {}
    possibleTypes: 'ResendAlreadyRunning' | 'ResendNeedsConfirmation' | 'ResendStarted'
  }
  ResendAlreadyRunning: {
    kind: 'OBJECT'
    name: 'ResendAlreadyRunning'
    fields: {
      resend: { name: 'resend'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'Resend'; ofType: null } } }
    }
  }
  ResendCause: { name: 'ResendCause'; enumValues: 'ADMIN' | 'COMMAND_LINE' | 'FAILOVER' }
  ResendNeedsConfirmation: {
    kind: 'OBJECT'
    name: 'ResendNeedsConfirmation'
    fields: {
      plan: { name: 'plan'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'ResendPlan'; ofType: null } } }
    }
  }
  ResendPlan: {
    kind: 'OBJECT'
    name: 'ResendPlan'
    fields: {
      estimatedSeconds: { name: 'estimatedSeconds'; type: { kind: 'SCALAR'; name: 'Float'; ofType: null } }
      last: { name: 'last'; type: { kind: 'OBJECT'; name: 'Resend'; ofType: null } }
      linksToCreate: {
        name: 'linksToCreate'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } }
      }
      productCount: { name: 'productCount'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } } }
      running: { name: 'running'; type: { kind: 'OBJECT'; name: 'Resend'; ofType: null } }
    }
  }
  ResendStarted: {
    kind: 'OBJECT'
    name: 'ResendStarted'
    fields: {
      linksCreated: { name: 'linksCreated'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } } }
      resend: { name: 'resend'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'Resend'; ofType: null } } }
    }
  }
  ResendState: { name: 'ResendState'; enumValues: 'CANCELLED' | 'COMPLETED' | 'RUNNING' }
  RevokeApiKeyPayload: {
    kind: 'OBJECT'
    name: 'RevokeApiKeyPayload'
    fields: {
      apiKey: { name: 'apiKey'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'ApiKey'; ofType: null } } }
    }
  }
  SelectedOption: {
    kind: 'OBJECT'
    name: 'SelectedOption'
    fields: {
      name: { name: 'name'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
      value: { name: 'value'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
    }
  }
  SetStockInput: {
    kind: 'INPUT_OBJECT'
    name: 'SetStockInput'
    isOneOf: false
    inputFields: [
      { name: 'expectedOnHand'; type: { kind: 'SCALAR'; name: 'Int'; ofType: null }; defaultValue: null },
      { name: 'location'; type: { kind: 'SCALAR'; name: 'String'; ofType: null }; defaultValue: '"default"' },
      {
        name: 'onHand'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } }
        defaultValue: null
      },
      {
        name: 'sku'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } }
        defaultValue: null
      },
    ]
  }
  StockChange: {
    kind: 'OBJECT'
    name: 'StockChange'
    fields: {
      kind: { name: 'kind'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'ENUM'; name: 'ChangeKind'; ofType: null } } }
      lane: { name: 'lane'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'ENUM'; name: 'Lane'; ofType: null } } }
      locationCode: {
        name: 'locationCode'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } }
      }
      reason: { name: 'reason'; type: { kind: 'ENUM'; name: 'RemoveReason'; ofType: null } }
      revision: { name: 'revision'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'BigInt'; ofType: null } } }
      sku: { name: 'sku'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
      stockLevel: { name: 'stockLevel'; type: { kind: 'OBJECT'; name: 'StockLevel'; ofType: null } }
      stockLevelId: { name: 'stockLevelId'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'ID'; ofType: null } } }
    }
  }
  StockChangeBatch: {
    kind: 'OBJECT'
    name: 'StockChangeBatch'
    fields: {
      caughtUp: { name: 'caughtUp'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Boolean'; ofType: null } } }
      changes: {
        name: 'changes'
        type: {
          kind: 'NON_NULL'
          name: never
          ofType: {
            kind: 'LIST'
            name: never
            ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'StockChange'; ofType: null } }
          }
        }
      }
      cursor: { name: 'cursor'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Cursor'; ofType: null } } }
      resendComplete: {
        name: 'resendComplete'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Boolean'; ofType: null } }
      }
      resendId: { name: 'resendId'; type: { kind: 'SCALAR'; name: 'ID'; ofType: null } }
    }
  }
  StockLevel: {
    kind: 'OBJECT'
    name: 'StockLevel'
    fields: {
      available: { name: 'available'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } } }
      id: { name: 'id'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'ID'; ofType: null } } }
      location: { name: 'location'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'Location'; ofType: null } } }
      onHand: { name: 'onHand'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } } }
      reserved: { name: 'reserved'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } } }
      revision: { name: 'revision'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'BigInt'; ofType: null } } }
      updatedAt: { name: 'updatedAt'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'DateTime'; ofType: null } } }
      variant: { name: 'variant'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'Variant'; ofType: null } } }
    }
  }
  StockPayload: {
    kind: 'OBJECT'
    name: 'StockPayload'
    fields: {
      stockLevels: {
        name: 'stockLevels'
        type: {
          kind: 'NON_NULL'
          name: never
          ofType: {
            kind: 'LIST'
            name: never
            ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'StockLevel'; ofType: null } }
          }
        }
      }
    }
  }
  Stream: { name: 'Stream'; enumValues: 'CUSTOMER' | 'ORDER' | 'PRODUCT' | 'STOCK' }
  StreamConnection: {
    kind: 'OBJECT'
    name: 'StreamConnection'
    fields: {
      address: { name: 'address'; type: { kind: 'SCALAR'; name: 'String'; ofType: null } }
      since: { name: 'since'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'DateTime'; ofType: null } } }
      transport: { name: 'transport'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
    }
  }
  StreamMinute: {
    kind: 'OBJECT'
    name: 'StreamMinute'
    fields: {
      averageLagMs: { name: 'averageLagMs'; type: { kind: 'SCALAR'; name: 'Float'; ofType: null } }
      live: { name: 'live'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } } }
      minute: { name: 'minute'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'DateTime'; ofType: null } } }
      resent: { name: 'resent'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } } }
      stream: { name: 'stream'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'ENUM'; name: 'Stream'; ofType: null } } }
      worstLagMs: { name: 'worstLagMs'; type: { kind: 'SCALAR'; name: 'Float'; ofType: null } }
    }
  }
  StreamStatus: {
    kind: 'OBJECT'
    name: 'StreamStatus'
    fields: {
      acknowledgedAt: { name: 'acknowledgedAt'; type: { kind: 'SCALAR'; name: 'DateTime'; ofType: null } }
      connected: { name: 'connected'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Boolean'; ofType: null } } }
      connection: { name: 'connection'; type: { kind: 'OBJECT'; name: 'StreamConnection'; ofType: null } }
      oldestPendingAt: { name: 'oldestPendingAt'; type: { kind: 'SCALAR'; name: 'DateTime'; ofType: null } }
      pending: { name: 'pending'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } } }
      stream: { name: 'stream'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'ENUM'; name: 'Stream'; ofType: null } } }
    }
  }
  String: unknown
  Subscription: {
    kind: 'OBJECT'
    name: 'Subscription'
    fields: {
      productChanges: {
        name: 'productChanges'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'ProductChangeBatch'; ofType: null } }
      }
      resendProgress: {
        name: 'resendProgress'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'Resend'; ofType: null } }
      }
      stockChanges: {
        name: 'stockChanges'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'StockChangeBatch'; ofType: null } }
      }
      syncViewStatus: {
        name: 'syncViewStatus'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'SyncView'; ofType: null } }
      }
      syncViewStatuses: {
        name: 'syncViewStatuses'
        type: {
          kind: 'NON_NULL'
          name: never
          ofType: {
            kind: 'LIST'
            name: never
            ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'SyncView'; ofType: null } }
          }
        }
      }
    }
  }
  SyncView: {
    kind: 'OBJECT'
    name: 'SyncView'
    fields: {
      autoLink: { name: 'autoLink'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Boolean'; ofType: null } } }
      createdAt: { name: 'createdAt'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'DateTime'; ofType: null } } }
      doorbellUrl: { name: 'doorbellUrl'; type: { kind: 'SCALAR'; name: 'String'; ofType: null } }
      id: { name: 'id'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'ID'; ofType: null } } }
      lastHour: {
        name: 'lastHour'
        type: {
          kind: 'NON_NULL'
          name: never
          ofType: {
            kind: 'LIST'
            name: never
            ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'StreamMinute'; ofType: null } }
          }
        }
      }
      linkCount: { name: 'linkCount'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } } }
      name: { name: 'name'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
      offlineSince: { name: 'offlineSince'; type: { kind: 'SCALAR'; name: 'DateTime'; ofType: null } }
      orderScope: {
        name: 'orderScope'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'ENUM'; name: 'OrderScope'; ofType: null } }
      }
      rejectedCount: {
        name: 'rejectedCount'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } }
      }
      rejections: {
        name: 'rejections'
        type: {
          kind: 'NON_NULL'
          name: never
          ofType: {
            kind: 'LIST'
            name: never
            ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'RejectionGroup'; ofType: null } }
          }
        }
      }
      resend: { name: 'resend'; type: { kind: 'OBJECT'; name: 'Resend'; ofType: null } }
      state: { name: 'state'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'ENUM'; name: 'SyncViewState'; ofType: null } } }
      streams: {
        name: 'streams'
        type: {
          kind: 'NON_NULL'
          name: never
          ofType: {
            kind: 'LIST'
            name: never
            ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'StreamStatus'; ofType: null } }
          }
        }
      }
      system: { name: 'system'; type: { kind: 'SCALAR'; name: 'String'; ofType: null } }
      user: { name: 'user'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'User'; ofType: null } } }
    }
  }
  SyncViewConnection: {
    kind: 'OBJECT'
    name: 'SyncViewConnection'
    fields: {
      edges: {
        name: 'edges'
        type: {
          kind: 'NON_NULL'
          name: never
          ofType: {
            kind: 'LIST'
            name: never
            ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'SyncViewEdge'; ofType: null } }
          }
        }
      }
      nodes: {
        name: 'nodes'
        type: {
          kind: 'NON_NULL'
          name: never
          ofType: {
            kind: 'LIST'
            name: never
            ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'SyncView'; ofType: null } }
          }
        }
      }
      pageInfo: { name: 'pageInfo'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'PageInfo'; ofType: null } } }
      totalCount: { name: 'totalCount'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } } }
    }
  }
  SyncViewEdge: {
    kind: 'OBJECT'
    name: 'SyncViewEdge'
    fields: {
      cursor: { name: 'cursor'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
      node: { name: 'node'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'SyncView'; ofType: null } } }
    }
  }
  SyncViewState: { name: 'SyncViewState'; enumValues: 'CONNECTED' | 'NEVER_CONNECTED' | 'OFFLINE' | 'PAUSED' }
  UnlinkProductsPayload: {
    kind: 'OBJECT'
    name: 'UnlinkProductsPayload'
    fields: {
      linksRemoved: { name: 'linksRemoved'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } } }
    }
  }
  UpdateSyncViewInput: {
    kind: 'INPUT_OBJECT'
    name: 'UpdateSyncViewInput'
    isOneOf: false
    inputFields: [
      { name: 'autoLink'; type: { kind: 'SCALAR'; name: 'Boolean'; ofType: null }; defaultValue: null },
      { name: 'doorbellUrl'; type: { kind: 'SCALAR'; name: 'String'; ofType: null }; defaultValue: null },
      { name: 'name'; type: { kind: 'SCALAR'; name: 'String'; ofType: null }; defaultValue: null },
      { name: 'orderScope'; type: { kind: 'ENUM'; name: 'OrderScope'; ofType: null }; defaultValue: null },
      { name: 'paused'; type: { kind: 'SCALAR'; name: 'Boolean'; ofType: null }; defaultValue: null },
      { name: 'system'; type: { kind: 'SCALAR'; name: 'String'; ofType: null }; defaultValue: null },
    ]
  }
  UpdateSyncViewPayload: {
    kind: 'OBJECT'
    name: 'UpdateSyncViewPayload'
    fields: {
      doorbellSecret: { name: 'doorbellSecret'; type: { kind: 'SCALAR'; name: 'String'; ofType: null } }
      syncView: { name: 'syncView'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'SyncView'; ofType: null } } }
    }
  }
  UpsertProductsPayload: {
    kind: 'OBJECT'
    name: 'UpsertProductsPayload'
    fields: {
      products: {
        name: 'products'
        type: {
          kind: 'NON_NULL'
          name: never
          ofType: {
            kind: 'LIST'
            name: never
            ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'Product'; ofType: null } }
          }
        }
      }
    }
  }
  User: {
    kind: 'OBJECT'
    name: 'User'
    fields: {
      account: { name: 'account'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'Account'; ofType: null } } }
      apiKeys: {
        name: 'apiKeys'
        type: {
          kind: 'NON_NULL'
          name: never
          ofType: {
            kind: 'LIST'
            name: never
            ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'ApiKey'; ofType: null } }
          }
        }
      }
      id: { name: 'id'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'ID'; ofType: null } } }
      kind: { name: 'kind'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'ENUM'; name: 'UserKind'; ofType: null } } }
      name: { name: 'name'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
      syncView: { name: 'syncView'; type: { kind: 'OBJECT'; name: 'SyncView'; ofType: null } }
    }
  }
  UserConnection: {
    kind: 'OBJECT'
    name: 'UserConnection'
    fields: {
      edges: {
        name: 'edges'
        type: {
          kind: 'NON_NULL'
          name: never
          ofType: {
            kind: 'LIST'
            name: never
            ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'UserEdge'; ofType: null } }
          }
        }
      }
      nodes: {
        name: 'nodes'
        type: {
          kind: 'NON_NULL'
          name: never
          ofType: {
            kind: 'LIST'
            name: never
            ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'User'; ofType: null } }
          }
        }
      }
      pageInfo: { name: 'pageInfo'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'PageInfo'; ofType: null } } }
      totalCount: { name: 'totalCount'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } } }
    }
  }
  UserEdge: {
    kind: 'OBJECT'
    name: 'UserEdge'
    fields: {
      cursor: { name: 'cursor'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
      node: { name: 'node'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'User'; ofType: null } } }
    }
  }
  UserKind: { name: 'UserKind'; enumValues: 'ADMIN' | 'INTEGRATION' }
  Variant: {
    kind: 'OBJECT'
    name: 'Variant'
    fields: {
      available: { name: 'available'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'Int'; ofType: null } } }
      barcode: { name: 'barcode'; type: { kind: 'SCALAR'; name: 'String'; ofType: null } }
      compareAtPrice: { name: 'compareAtPrice'; type: { kind: 'OBJECT'; name: 'Money'; ofType: null } }
      id: { name: 'id'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'ID'; ofType: null } } }
      options: {
        name: 'options'
        type: {
          kind: 'NON_NULL'
          name: never
          ofType: {
            kind: 'LIST'
            name: never
            ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'SelectedOption'; ofType: null } }
          }
        }
      }
      price: { name: 'price'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'Money'; ofType: null } } }
      product: { name: 'product'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'Product'; ofType: null } } }
      sku: { name: 'sku'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
      stockLevels: {
        name: 'stockLevels'
        type: {
          kind: 'NON_NULL'
          name: never
          ofType: {
            kind: 'LIST'
            name: never
            ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'OBJECT'; name: 'StockLevel'; ofType: null } }
          }
        }
      }
      title: { name: 'title'; type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } } }
      weightGrams: { name: 'weightGrams'; type: { kind: 'SCALAR'; name: 'Int'; ofType: null } }
    }
  }
  VariantInput: {
    kind: 'INPUT_OBJECT'
    name: 'VariantInput'
    isOneOf: false
    inputFields: [
      { name: 'barcode'; type: { kind: 'SCALAR'; name: 'String'; ofType: null }; defaultValue: null },
      { name: 'compareAtPrice'; type: { kind: 'INPUT_OBJECT'; name: 'MoneyInput'; ofType: null }; defaultValue: null },
      {
        name: 'options'
        type: {
          kind: 'LIST'
          name: never
          ofType: { kind: 'NON_NULL'; name: never; ofType: { kind: 'INPUT_OBJECT'; name: 'OptionInput'; ofType: null } }
        }
        defaultValue: null
      },
      { name: 'price'; type: { kind: 'INPUT_OBJECT'; name: 'MoneyInput'; ofType: null }; defaultValue: null },
      {
        name: 'sku'
        type: { kind: 'NON_NULL'; name: never; ofType: { kind: 'SCALAR'; name: 'String'; ofType: null } }
        defaultValue: null
      },
      { name: 'title'; type: { kind: 'SCALAR'; name: 'String'; ofType: null }; defaultValue: null },
      { name: 'weightGrams'; type: { kind: 'SCALAR'; name: 'Int'; ofType: null }; defaultValue: null },
    ]
  }
}

/** An IntrospectionQuery representation of your schema.
 *
 * @remarks
 * This is an introspection of your schema saved as a file by GraphQLSP.
 * It will automatically be used by `gql.tada` to infer the types of your GraphQL documents.
 * If you need to reuse this data or update your `scalars`, update `tadaOutputLocation` to
 * instead save to a .ts instead of a .d.ts file.
 */
export type introspection = {
  name: never
  query: 'Query'
  mutation: 'Mutation'
  subscription: 'Subscription'
  types: introspection_types
}

import * as gqlTada from 'gql.tada'

declare module 'gql.tada' {
  interface setupSchema {
    introspection: introspection
  }
}
